internal import IgropyrOrchestration
internal import IgropyrText

/// What a worker says to the others of its application.
struct TopicMessage: Sendable, Hashable {
    let topic: String
    let text: String

    /// Nil if that is no topic, or the text is too long.
    init?(topic: String, text: String) {
        guard TopicLine.isTopic(topic), TopicLine.isText(text) else { return nil }
        self.topic = topic
        self.text = text
    }
}

extension TopicLine {
    /// Nil for what is no message.
    var message: TopicMessage? {
        guard let topic, let text else { return nil }
        return TopicMessage(topic: topic, text: text)
    }
}

/// A question for what the workers of one host say; answered by ``TopicLine``s.
struct TopicsRequest: Codable, Sendable {
    var version = ControlAPI.version
    var application: ApplicationName
    /// The ``TopicLine/id`` of the last line that was heard; nil: from now on.
    var after: String?
}
