internal import IgropyrHTTP
internal import IgropyrTime
internal import Metrics

/// What swift-metrics is told of a server. Labels are route patterns, methods and classes of status: closed sets, which
/// no client can make grow.
struct ServerMetrics: Sendable {
    let inFlight: Meter
    let connections: Meter
    /// Requests that broke the protocol or a limit, and never came to a route.
    let refusals: StatusCounters
    private let factory: any MetricsFactory

    init(_ factory: any MetricsFactory) {
        self.factory = factory
        inFlight = Meter(label: "http_requests_in_flight", factory: factory)
        connections = Meter(label: "http_connections", factory: factory)
        refusals = StatusCounters("http_refused_requests_total", [], factory)
    }

    /// Nil for a factory that keeps nothing.
    init?(configured: (any MetricsFactory)?) {
        let factory = configured ?? MetricsSystem.factory
        guard !(factory is NOOPMetricsHandler) else { return nil }
        self.init(factory)
    }

    func meters(for route: Route, at pattern: String) -> EndpointMeters {
        EndpointMeters(
            route: pattern.isEmpty ? "none" : pattern, method: route.method.name.map { "\($0)" } ?? "any",
            factory: factory)
    }
}

/// The metrics of one route and method.
struct EndpointMeters: Sendable {
    private let requests: StatusCounters
    private let duration: Metrics.Timer

    init(route: String, method: String, factory: any MetricsFactory) {
        let labels = [("route", route), ("method", method)]
        requests = StatusCounters("http_requests_total", labels, factory)
        duration = Metrics.Timer(label: "http_request_duration_seconds", dimensions: labels, factory: factory)
    }

    func note(status: Int, _ elapsed: Duration) {
        requests.note(status: status)
        duration.recordNanoseconds(elapsed.nanosecondsClamped)
    }
}

/// A counter for each class of status, 1xx to 5xx.
struct StatusCounters: Sendable {
    private let counters: [Counter]

    init(_ name: String, _ labels: [(String, String)], _ factory: any MetricsFactory) {
        counters = (1...5).map { hundreds in
            Counter(label: name, dimensions: labels + [("status", "\(hundreds)xx")], factory: factory)
        }
    }

    func note(status: Int) { counters[min(max(status / 100, 1), 5) - 1].increment() }
}
