import IgropyrUV
import Logging

/// Keeps what an application logs: level, message and reason, and behind them the metadata of the logger.
struct KeptLog: LogHandler {
    let lines: Locked<[String]>
    var logLevel = Logger.Level.debug
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let reason = event.metadata?["reason"].map { ": \($0)" } ?? ""
        let count = event.metadata?["lines"].map { " lines=\($0)" } ?? ""
        let more = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        lines.withLock { $0.append("\(event.level) \(event.message)\(reason)\(count)\(more)") }
    }
}
