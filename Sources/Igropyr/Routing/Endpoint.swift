/// A route as the loops run it: its handler with all middleware around it, and its limits settled.
final class Endpoint: Sendable {
    /// What the application has around each of its routes.
    struct Surroundings {
        let scope: MiddlewareScope
        let configuration: App.Configuration
        let failures: FailurePages
        let tracing: RequestTracing?
        let metrics: ServerMetrics?
    }

    /// The pattern; empty for the fallback, which has none.
    let pattern: String
    let action: Route.Action
    let bodyLimit: Int
    let timeout: Duration?
    let meters: EndpointMeters?

    init(_ route: Route, at pattern: String, in surroundings: Surroundings) {
        let configuration = surroundings.configuration
        let failures = surroundings.failures
        self.pattern = pattern
        bodyLimit = route.limits.bodyLimit ?? configuration.bodyLimit
        timeout = route.limits.timeout ?? configuration.timeout
        meters = surroundings.metrics?.meters(for: route, at: pattern)
        let compression = route.compression ?? configuration.compression
        let route = compression.map { route.compressed(by: $0) } ?? route
        let layers = ([surroundings.scope] + route.scopes).flatMap(\.layers)
        let layered = layers.reversed().reduce(route.action) { action, layer in layer.around(action, failures) }
        action = surroundings.tracing?.around(layered, at: pattern, failures) ?? layered
    }
}
