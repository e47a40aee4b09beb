public import FoundationEssentials

/// What a worker of the application has said; see ``Topics``.
public struct TopicMessage: Sendable, Hashable {
    public let topic: String
    public let text: String
    /// Whether some that came before it may be missing: this worker was too slow, or its node, or another host, could
    /// not be reached for a while. Who keeps a copy of something by messages then fetches it anew.
    public let followsGap: Bool

    /// The text's JSON as a value.
    /// - Throws: `DecodingError`.
    public func decode<Value: Decodable>(
        _ type: Value.Type = Value.self, by decoder: JSONDecoder = .forBodies
    ) throws -> Value {
        try decoder.decode(type, from: Data(text.utf8))
    }
}

/// Why a message was not, or maybe not, said to other workers.
public enum TopicFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// It is empty, longer than ``Topics/topicBytes`` or has control characters.
    case invalidTopic(String)
    /// Of so many bytes, where ``Topics/textBytes`` may be.
    case tooLong(Int)
    /// The value is none that JSON can say; why.
    case notEncodable(String)
    /// The node did not take it; why.
    case notTaken(String)

    public var description: String {
        switch self {
        case .invalidTopic(let topic):
            "a topic has 1 to \(Topics.topicBytes) bytes and no control characters: \"\(topic.prefix(300))\""
        case .tooLong(let count): "the message has \(count) bytes, and \(Topics.textBytes) at most can be sent"
        case .notEncodable(let reason): "the message is none that JSON can say: \(reason)"
        case .notTaken(let reason): "other workers may not have got the message: \(reason)"
        }
    }
}
