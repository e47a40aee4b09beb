internal import IgropyrCoding

/// Routes with a prefix, limits and middleware in common.
public struct RouteGroup: RouteBuilder {
    let parent: any RouteBuilder
    let prefix: String
    let limits: RouteLimits
    let compression: Compression?
    let scope = MiddlewareScope()

    public func add(_ route: Route, at pattern: String) {
        var route = route
        route.limits = route.limits.orElse(limits)
        if route.compression == nil { route.compression = compression }
        route.scopes.insert(scope, at: 0)
        parent.add(route, at: pattern == "/" ? prefix : prefix + pattern)
    }

    /// Adds middleware for the routes of this group and of the groups in it.
    public func use(_ layer: Layer) { scope.add(layer) }

    public func noteMistake(_ error: any Error) { parent.noteMistake(error) }
}
