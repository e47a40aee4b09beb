internal import IgropyrInsight
internal import IgropyrTime
internal import IgropyrUV

/// Watches the requests of one loop for the access log and the metrics; there is none when both are off.
final class RequestObserver {
    private typealias Log = (buffer: AccessLogBuffer, format: AccessLog.Format)

    private let log: Log?
    /// By the names that requests choose.
    private let logs: [String: Log]
    private let line: (@Sendable (RequestSummary) -> String?)?
    private let metrics: ServerMetrics?

    init?(_ app: App.Definition, _ shared: SharedParts, on wheel: TimerWheel) {
        guard shared.keepsLogs || app.metrics != nil else { return nil }
        let configuration = app.configuration
        metrics = app.metrics
        line = configuration.accessLogLine
        log = shared.accessLog.map {
            (AccessLogBuffer($0, on: wheel), configuration.accessLog?.format ?? .combined)
        }
        var logs: [String: Log] = [:]
        for (name, log) in shared.accessLogs { logs[name] = (AccessLogBuffer(log.writer, on: wheel), log.format) }
        self.logs = logs
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
        let request = observation.request
        guard let log = log(of: request) else { return }
        if let line {
            let summary = RequestSummary(
                request: request, status: status, bodyBytes: bodyBytes, duration: duration,
                remoteAddress: observation.peer)
            if let text = line(summary) { log.buffer.addLine { _, lines in lines += (text + "\n").utf8 } }
            return
        }
        let outcome = RequestOutcome(
            endpoint: observation.endpoint, status: status, bodyBytes: bodyBytes, duration: duration,
            peer: observation.peer)
        log.buffer.note(request, outcome, as: log.format)
    }

    private func log(of request: Request) -> Log? {
        guard let name = request.accessLogName else { return log }
        return logs[name]
    }

    /// A request was answered with an error before anything of it was known for sure.
    func noteRefusal(status: Int, peer: SocketAddress?) {
        metrics?.refusals.note(status: status)
        if let log { log.buffer.noteRefusal(status: status, peer: peer, as: log.format) }
    }

    func connectionCountDidChange(by change: Int) { metrics?.connections.increment(by: Double(change)) }

    /// Nothing more will come.
    func finish() {
        log?.buffer.handOver()
        for log in logs.values { log.buffer.handOver() }
    }
}

/// A request that is under way, as it is watched.
struct Observation {
    let request: Request
    let endpoint: Endpoint
    let began: Timestamp
    let peer: SocketAddress?
}
