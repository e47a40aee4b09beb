/// A route as the loops run it: its handler with all middleware around it, and its limits settled.
final class Endpoint: Sendable {
    /// The pattern; empty for the fallback, which has none.
    let pattern: String
    let action: Route.Action
    let bodyLimit: Int
    let timeout: Duration?

    init(
        _ route: Route, at pattern: String, in scope: MiddlewareScope, _ configuration: App.Configuration,
        _ failures: FailurePages
    ) {
        self.pattern = pattern
        bodyLimit = route.limits.bodyLimit ?? configuration.bodyLimit
        timeout = route.limits.timeout ?? configuration.timeout
        let layers = ([scope] + route.scopes).flatMap(\.layers)
        let compression = route.compression ?? configuration.compression
        let route = compression.map { route.compressed(by: $0) } ?? route
        action = layers.reversed().reduce(route.action) { action, layer in layer.around(action, failures) }
    }
}
