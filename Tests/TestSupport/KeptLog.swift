import IgropyrUV
import Logging

/// Keeps what is logged.
public struct KeptLog: LogHandler {
    public struct Entry: Sendable {
        public var level: Logger.Level
        public var message: String
        /// The logger's, and the line's own.
        public var metadata: [String: String]

        /// The level and the message.
        public var text: String { "\(level) \(message)" }
    }

    private let kept = Locked<[Entry]>([])
    public var metadata = Logger.Metadata()
    public var logLevel = Logger.Level.info

    public init() {}

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public var logger: Logger { Logger(label: "test") { _ in self } }

    public var entries: [Entry] { kept.withLock { $0 } }

    public func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
        kept.withLock { $0.append(Entry(level: event.level, message: "\(event.message)", metadata: all)) }
    }

    public func count(of message: String) -> Int { count(where: { $0 == message }) }

    public func count(where isMeant: (String) -> Bool) -> Int { entries.count { isMeant($0.message) } }
}
