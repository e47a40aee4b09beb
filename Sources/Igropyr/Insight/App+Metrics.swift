public import IgropyrInsight

extension App {
    /// Counts requests and answers `pattern` with the counts, as Prometheus asks for them:
    ///
    /// - `http_requests_total` by route pattern, method and class of status; `http_request_duration_seconds` by route
    ///   pattern and method, until the last byte of the response was handed to the connection
    /// - `http_refused_requests_total` by class of status: what broke the protocol or a limit and came to no route
    /// - `http_requests_in_flight`, `http_connections`
    ///
    /// With what else `metrics` is told. Who may ask is for middleware, or a group, to decide.
    public func metrics(_ pattern: String, from metrics: PrometheusMetrics = PrometheusMetrics()) {
        self.metricsFactory = metrics
        get(pattern) { _ in Response(text: metrics.text(), contentType: PrometheusText.contentType) }
    }
}
