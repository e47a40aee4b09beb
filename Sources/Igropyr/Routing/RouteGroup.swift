/// Routes with a prefix in common.
public struct RouteGroup: RouteBuilder {
    let parent: any RouteBuilder
    let prefix: String
    let bodyLimit: Int?

    public func add(_ route: Route, at pattern: String) {
        var route = route
        if route.bodyLimit == nil { route.bodyLimit = bodyLimit }
        parent.add(route, at: pattern == "/" ? prefix : prefix + pattern)
    }

    public func noteMistake(_ error: any Error) { parent.noteMistake(error) }
}
