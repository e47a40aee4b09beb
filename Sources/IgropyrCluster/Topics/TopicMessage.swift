internal import IgropyrOrchestration

/// What a worker says to the others of its application.
struct TopicMessage: Sendable, Hashable {
    static let topicBytes = 255
    static let textBytes = 32 << 10

    let topic: String
    let text: String

    /// Nil if the topic is empty, too long or has control characters, or the text is too long.
    init?(topic: String, text: String) {
        guard 1...Self.topicBytes ~= topic.utf8.count, topic.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
            text.utf8.count <= Self.textBytes
        else { return nil }
        self.topic = topic
        self.text = text
    }
}

/// A message as it travels, or in a stream of them, that some may be missing before the next.
struct TopicLine: Codable, Sendable {
    /// As JSON, where a byte may take six.
    static let limitBytes = 6 * (TopicMessage.topicBytes + TopicMessage.textBytes) + 64

    var topic: String?
    var text: String?
    var gap: Bool?

    static let gap = TopicLine(gap: true)

    init(_ message: TopicMessage) {
        topic = message.topic
        text = message.text
    }

    private init(gap: Bool) { self.gap = gap }

    /// Nil for a gap, and for what is no message.
    var message: TopicMessage? {
        guard let topic, let text else { return nil }
        return TopicMessage(topic: topic, text: text)
    }
}

/// A question for what the workers of one host say; answered by ``TopicLine``s, of which the first is a gap.
struct TopicsRequest: Codable, Sendable {
    var version = ControlAPI.version
    var application: ApplicationName
}
