import Foundation
import Logging

/// Log lines for people and for journals: time (systemd's journal has it by itself), level, message,
/// then the metadata, each on one line whatever others say.
struct ConsoleLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    init(level: Logger.Level) { logLevel = level }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let details = all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
        let time = Journal.isThere ? "" : "\(Date.now.formatted(.iso8601)) "
        let line = "\(time)\(event.level) \(event.message)\(details.isEmpty ? "" : " (\(details))")"
        StandardError.write(line.plain + "\n", Journal.Priority(event.level))
    }
}

/// How much a long-running command says on standard error.
enum Logs {
    /// Call it once, at the start.
    static func begin(isVerbose: Bool) {
        LoggingSystem.bootstrap { _ in ConsoleLogHandler(level: isVerbose ? .debug : .info) }
    }
}
