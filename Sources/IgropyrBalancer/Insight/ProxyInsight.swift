import IgropyrHTTP
import IgropyrInsight
import IgropyrTime
import IgropyrUV

/// What one loop's proxy tells of its requests: lines for the log, measures for whoever asks. Stays on its loop; there
/// is none while nothing of it is wanted.
final class ProxyInsight {
    /// Under which name requests are measured that no application answers: none can be called so.
    static let elsewhere = "-"

    private let settings: InsightSettings
    private let format: AccessLog.Format
    private let log: AccessLogBuffer?
    private var applications: [String: ApplicationMeter] = [:]
    private let elsewhere = ApplicationMeter(name: ProxyInsight.elsewhere)

    init?(_ settings: InsightSettings, _ writer: AccessLogWriter?, on wheel: TimerWheel) {
        guard writer != nil || settings.measures || settings.startsTraces || settings.addsRequestIDs else { return nil }
        self.settings = settings
        format = settings.accessLog?.format ?? .combined
        log = writer.map { AccessLogBuffer($0, on: wheel) }
    }

    // MARK: Requests

    /// Nil if nobody wants to know.
    func identity(of head: MessageHead, _ bytes: RawSpan) -> RequestIdentity? {
        guard log != nil || settings.startsTraces || settings.addsRequestIDs else { return nil }
        return RequestIdentity(head, bytes, settings)
    }

    /// Nil if nobody wants to know.
    func begin(
        _ head: MessageHead, _ bytes: RawSpan, _ identity: RequestIdentity?,
        from peer: @autoclosure () -> SocketAddress?
    ) -> ExchangeRecord? {
        guard log != nil else { return settings.measures ? ExchangeRecord(nil) : nil }
        return ExchangeRecord(LoggedRequest(head, bytes, peer: peer(), identity))
    }

    /// An application answers the request. Called again for it, this does nothing.
    func route(_ record: ExchangeRecord?, to upstreams: Upstreams?) {
        guard let record, let upstreams, let application = applications[upstreams.label] else { return }
        record.begin(application)
    }

    /// The request has ended, one way or the other.
    func note(_ record: ExchangeRecord) {
        let now = EventLoop.preciseNow
        record.end(at: now, elsewhere: elsewhere)
        guard let log, let request = record.request else { return }
        log.addLine { time, lines in record.appendLine(request, as: format, ended: now, time, to: &lines) }
    }

    /// A client broke the protocol or a limit, before anything of its request was known for sure.
    func noteRefusal(status: Int, peer: SocketAddress?) {
        elsewhere.measures.count(status: status)
        elsewhere.measures.count(.protocolError)
        log?.addLine { time, lines in
            ExchangeRecord.appendRefusal(status: status, peer: peer, as: format, time, to: &lines)
        }
    }

    /// Nothing more will come.
    func finish() { log?.handOver() }

    // MARK: Measures

    func update(_ snapshot: UpstreamSnapshot, at now: Timestamp) {
        var present: [String: [Upstreams.Worker]] = [:]
        for upstreams in snapshot.applications { present[upstreams.label] = upstreams.given }
        for name in present.keys where applications[name] == nil { applications[name] = ApplicationMeter(name: name) }
        for (name, application) in applications { application.update(present[name], at: now) }
        forgetApplications(at: now)
    }

    /// Those without a worker's measures, some time after they were found missing.
    private func forgetApplications(at now: Timestamp) {
        applications = applications.filter { _, application in
            guard let leftAt = application.leftAt else { return true }
            return now < leftAt.advanced(by: ApplicationMeter.retention)
        }
    }

    /// Whether an address is being avoided is the caller's to say.
    func applicationReports(
        at now: Timestamp, isAvoided: (SocketAddress) -> Bool
    ) -> [String: ApplicationReport] {
        forgetApplications(at: now)
        var reports = applications.mapValues { application in
            application.prune(at: now)
            var report = ApplicationReport(measures: application.measures, isPresent: application.leftAt == nil)
            for (id, worker) in application.workers {
                report.workers[id] = WorkerReport(
                    measures: worker.measures, isPresent: worker.leftAt == nil, isAvoided: isAvoided(worker.address))
            }
            return report
        }
        reports[Self.elsewhere] = ApplicationReport(measures: elsewhere.measures, isPresent: false)
        return reports
    }
}

extension Upstreams {
    /// What logs and metrics call it.
    var label: String { name.rawValue }
}
