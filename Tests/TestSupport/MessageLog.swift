import IgropyrUV
import Logging

/// Counts what was logged.
public struct MessageLog: LogHandler {
    private let messages = Locked<[String]>([])
    public var metadata = Logger.Metadata()
    public var logLevel = Logger.Level.info

    public init() {}

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public var logger: Logger { Logger(label: "test") { _ in self } }

    public func log(event: LogEvent) { messages.withLock { $0.append("\(event.message)") } }

    public func count(of message: String) -> Int { count { $0 == message } }

    public func count(where isMeant: (String) -> Bool) -> Int { messages.withLock { $0 }.count(where: isMeant) }
}
