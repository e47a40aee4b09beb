internal import IgropyrInsight
internal import IgropyrTransport
internal import IgropyrUV
internal import Logging

/// What the loops of one server have in common; each part locks for itself.
struct SharedParts: Sendable {
    let clients: ClientLimit?
    let accessLog: AccessLogWriter?
    private let named = Locked(NamedLogs())

    /// More may come while the server runs, and those that nobody chooses any more go.
    private struct NamedLogs {
        var logs: [String: NamedLog] = [:]
        /// Of those that have gone.
        var droppedLines = 0
    }

    typealias NamedLog = (writer: AccessLogWriter, format: AccessLog.Format)

    init(_ configuration: App.Configuration) throws(StartFailure) {
        clients = configuration.connectionsPerClient.map { ClientLimit(connections: $0) }
        let logger = configuration.logger
        accessLog = try configuration.accessLog.map { log throws(StartFailure) in try Self.writer(log, logger) }
        try add(configuration.accessLogs, logger)
    }

    /// By their names.
    var accessLogs: [String: NamedLog] { named.withLock { $0.logs } }

    /// Opens those that are not open yet, up to one that cannot be written.
    func add(_ logs: [String: AccessLog], _ logger: Logger) throws(StartFailure) {
        let known = accessLogs
        for (name, log) in logs where known[name] == nil {
            let writer = try Self.writer(log, logger)
            named.withLock { $0.logs[name] = (writer, log.format) }
        }
    }

    /// Lets go of all others: each is closed once nobody has lines for it any more.
    func keep(_ names: some Sequence<String>) {
        let names = Set(names)
        named.withLock { named in
            for (name, log) in named.logs where !names.contains(name) {
                named.logs[name] = nil
                named.droppedLines += log.writer.droppedLines
            }
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

    var droppedLogLines: Int { allLogs.reduce(named.withLock { $0.droppedLines }) { $0 + $1.droppedLines } }

    var keepsLogs: Bool { !allLogs.isEmpty }

    func reopenLogs() { for log in allLogs { log.reopen() } }

    func stopLogs() async { await allLogs.stop() }
}
