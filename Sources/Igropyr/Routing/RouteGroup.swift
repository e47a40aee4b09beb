internal import IgropyrCoding
internal import IgropyrHTTP

/// Routes with a prefix, limits and middleware in common.
public struct RouteGroup: RouteBuilder {
    let parent: any RouteBuilder
    let prefix: String
    let limits: RouteLimits
    let compression: Compression?
    let scope = MiddlewareScope()

    public func add(_ route: Route, at pattern: String) {
        do throws(PathPattern.Failure) {
            // Within its group it is to be one, too: `users` would become `/apiusers`.
            if !pattern.isEmpty { _ = try PathPattern(pattern) }
        } catch {
            return noteMistake(error)
        }
        var route = route
        route.limits = route.limits.orElse(limits)
        if route.compression == nil { route.compression = compression }
        route.scopes.insert(scope, at: 0)
        parent.add(route, at: whole(pattern))
    }

    /// The group's own path is `/` or nothing. The slash that may end the prefix is the pattern's.
    private func whole(_ pattern: String) -> String {
        if pattern.isEmpty || pattern == "/" { return prefix.isEmpty ? "/" : prefix }
        return prefix.hasSuffix("/") ? prefix.dropLast() + pattern : prefix + pattern
    }

    /// Adds middleware for the routes of this group and of the groups in it.
    public func use(_ layer: Layer) { scope.add(layer) }

    public func noteMistake(_ error: any Error) { parent.noteMistake(error) }
}
