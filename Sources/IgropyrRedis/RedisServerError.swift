public import IgropyrDatabase

public typealias RedisError = DatabaseError<RedisServerError>

/// What Redis says of a command that it refuses.
public struct RedisServerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The word that it begins with, such as `WRONGTYPE`, `NOPERM`, `OOM`; `ERR` for all that has no word of its own.
    public let code: String
    public let message: String

    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    init(_ line: String) {
        let parts = line.split(separator: " ", maxSplits: 1)
        code = parts.first.map(String.init) ?? ""
        message = parts.count > 1 ? String(parts[1]) : ""
    }

    /// Whether it is about `maxclients`, which a server says in place of its first answer.
    var isOfFullServer: Bool { message.contains("max number of clients") }

    public var description: String { message.isEmpty ? code : "\(code) \(message)" }
}
