internal import IgropyrInsight
internal import IgropyrTransport
internal import IgropyrUV
internal import Logging

/// What the loops of one server have in common; each part locks for itself.
struct SharedParts: Sendable {
    let clients: ClientLimit?
    let accessLog: AccessLogWriter?
    /// By their names. More may come while the server runs.
    private let namedLogs: Locked<[String: NamedLog]>

    typealias NamedLog = (writer: AccessLogWriter, format: AccessLog.Format)

    init(_ configuration: App.Configuration) throws(StartFailure) {
        clients = configuration.connectionsPerClient.map { ClientLimit(connections: $0) }
        let logger = configuration.logger
        accessLog = try configuration.accessLog.map { log throws(StartFailure) in try Self.writer(log, logger) }
        namedLogs = Locked([:])
        try add(configuration.accessLogs, logger)
    }

    var accessLogs: [String: NamedLog] { namedLogs.withLock { $0 } }

    /// Opens those that are not open yet. What it has opened before one cannot be written stays until the end.
    func add(_ logs: [String: AccessLog], _ logger: Logger) throws(StartFailure) {
        let known = accessLogs
        for (name, log) in logs where known[name] == nil {
            let writer = try Self.writer(log, logger)
            namedLogs.withLock { $0[name] = (writer, log.format) }
        }
    }

    private static func writer(_ log: AccessLog, _ logger: Logger) throws(StartFailure) -> AccessLogWriter {
        do throws(UVError) {
            return try AccessLogWriter(log, logger: logger)
        } catch {
            throw StartFailure("the access log \(log.destination) cannot be written: \(error.reason)")
        }
    }

    private var allLogs: [AccessLogWriter] { (accessLog.map { [$0] } ?? []) + accessLogs.values.map(\.writer) }

    var droppedLogLines: Int { allLogs.reduce(0) { $0 + $1.droppedLines } }

    var keepsLogs: Bool { !allLogs.isEmpty }

    func reopenLogs() { for log in allLogs { log.reopen() } }

    func stopLogs() async { await allLogs.stop() }
}
