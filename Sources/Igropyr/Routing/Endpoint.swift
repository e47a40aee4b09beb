internal import IgropyrHTTP

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
    private let action: Route.Action
    private let folderAction: Route.Action?
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
        let layers = ([surroundings.scope] + route.scopes).flatMap(\.layers)
        func surrounded(_ action: Route.Action) -> Route.Action {
            let layered = layers.reversed().reduce(action) { action, layer in layer.around(action, failures) }
            // Around all middleware, which may map bodies.
            let sent = compression.map { layered.compressed(by: $0, unlessChosen: route.choosesCoding) } ?? layered
            return surroundings.tracing?.around(sent, at: pattern, failures) ?? sent
        }
        action = surrounded(route.action)
        folderAction = route.folderAction.map(surrounded)
    }

    /// What answers for a path: ``MessageHead/path``.
    func action(for path: Range<Int>, in bytes: RawSpan) -> Route.Action {
        guard let folderAction else { return action }
        return path.isEmpty || bytes.equals("/", in: (path.upperBound - 1)..<path.upperBound) ? folderAction : action
    }
}
