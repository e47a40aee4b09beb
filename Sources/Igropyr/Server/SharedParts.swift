internal import IgropyrInsight
internal import IgropyrTransport
internal import IgropyrUV
internal import Logging

/// What the loops of one server have in common; each part locks for itself.
struct SharedParts: Sendable {
    let clients: ClientLimit?
    let accessLog: AccessLogWriter?
    /// By their names.
    let accessLogs: [String: AccessLogWriter]

    init(_ configuration: App.Configuration) throws(StartFailure) {
        clients = configuration.connectionsPerClient.map { ClientLimit(connections: $0) }
        let logger = configuration.logger
        accessLog = try configuration.accessLog.map { log throws(StartFailure) in try Self.writer(log, logger) }
        var writers: [String: AccessLogWriter] = [:]
        for (name, log) in configuration.accessLogs { writers[name] = try Self.writer(log, logger) }
        accessLogs = writers
    }

    private static func writer(_ log: AccessLog, _ logger: Logger) throws(StartFailure) -> AccessLogWriter {
        do throws(UVError) {
            return try AccessLogWriter(log, logger: logger)
        } catch {
            throw StartFailure("the access log \(log.destination) cannot be written: \(error.reason)")
        }
    }

    private var allLogs: [AccessLogWriter] { (accessLog.map { [$0] } ?? []) + accessLogs.values }

    var droppedLogLines: Int { allLogs.reduce(0) { $0 + $1.droppedLines } }

    var keepsLogs: Bool { !allLogs.isEmpty }

    func reopenLogs() { for log in allLogs { log.reopen() } }

    func stopLogs() async { await allLogs.stop() }
}
