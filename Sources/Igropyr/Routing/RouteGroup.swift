/// Routes with a prefix in common.
public struct RouteGroup: RouteBuilder {
    let parent: any RouteBuilder
    let prefix: String
    let bodyLimit: Int?
    let compression: Compression?

    public func add(_ route: Route, at pattern: String) {
        var route = route
        if route.bodyLimit == nil { route.bodyLimit = bodyLimit }
        if route.compression == nil { route.compression = compression }
        parent.add(route, at: pattern == "/" ? prefix : prefix + pattern)
    }

    public func noteMistake(_ error: any Error) { parent.noteMistake(error) }
}
