/// What somebody published.
public struct RedisMessage: Equatable, Sendable {
    public let channel: String
    /// The pattern that the channel fits, if it was that which was subscribed to.
    public let pattern: String?
    public let payload: [UInt8]

    /// The payload, with what is no UTF-8 replaced.
    public var text: String { String(decoding: payload, as: UTF8.self) }

    /// Nil if the answer is something else, such as a confirmation.
    init?(_ answer: RedisValue) {
        guard case .array(let elements) = answer else { return nil }
        var parts: [[UInt8]] = []
        for case .bytes(let part) in elements { parts.append(part) }
        guard parts.count == elements.count, let payload = parts.last else { return nil }
        let words = parts.dropLast().map { String(decoding: $0, as: UTF8.self) }
        switch (words.first, words.count) {
        case ("message", 2): (channel, pattern) = (words[1], nil)
        case ("pmessage", 3): (channel, pattern) = (words[2], words[1])
        default: return nil
        }
        self.payload = payload
    }
}
