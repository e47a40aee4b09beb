internal import HTTPTypes
internal import IgropyrInsight
internal import IgropyrTime
internal import IgropyrTransport
internal import IgropyrUV

/// Watches the requests of one loop for the access log and the metrics; there is none when both are off.
final class RequestObserver {
    private let log: AccessLogBuffer?
    private let format: AccessLog.Format
    private let metrics: ServerMetrics?

    init?(_ app: App.Definition, _ writer: AccessLogWriter?, on wheel: TimerWheel) {
        guard writer != nil || app.metrics != nil else { return nil }
        metrics = app.metrics
        log = writer.map { AccessLogBuffer($0, on: wheel) }
        format = app.configuration.accessLog?.format ?? .combined
    }

    /// A request has arrived.
    /// - Returns: when.
    func begin() -> Timestamp {
        metrics?.inFlight.increment()
        return EventLoop.preciseNow
    }

    /// Its response is complete, or its client gone.
    func end(_ observation: Observation, status: Int, bodyBytes: Int) {
        let duration = observation.began.duration(to: EventLoop.preciseNow)
        metrics?.inFlight.decrement()
        observation.endpoint.meters?.note(status: status, duration)
        log?.note(
            observation.request,
            RequestOutcome(
                endpoint: observation.endpoint, status: status, bodyBytes: bodyBytes, duration: duration,
                peer: observation.peer), as: format)
    }

    /// A request was answered with an error before anything of it was known for sure.
    func noteRefusal(status: Int, peer: SocketAddress?) {
        metrics?.refusals.note(status: status)
        log?.noteRefusal(status: status, peer: peer, as: format)
    }

    func connectionCountDidChange(by change: Int) { metrics?.connections.increment(by: Double(change)) }

    /// Nothing more will come.
    func finish() { log?.handOver() }
}

/// A request that is under way, as it is watched.
struct Observation {
    let request: Request
    let endpoint: Endpoint
    let began: Timestamp
    let peer: SocketAddress?
}
