/// What workers of an application say to each other, as it travels from them to their node, from node to node and back:
/// a line of JSON each.
public struct TopicLine: Codable, Sendable, Hashable {
    /// Of a topic's name.
    public static let topicBytes = 255
    /// Of a message.
    public static let textBytes = 32 << 10
    /// Of a line, where a byte may take six.
    public static let limitBytes = 6 * (topicBytes + textBytes) + 256

    public var topic: String?
    public var text: String?
    /// Messages may be missing before the next.
    public var gap: Bool?
    /// How far a listener is that has read this line. It goes on there if it comes again and says so.
    public var id: String?

    public init(topic: String? = nil, text: String? = nil, gap: Bool? = nil, id: String? = nil) {
        self.topic = topic
        self.text = text
        self.gap = gap
        self.id = id
    }

    /// Not empty nor too long, and without control characters.
    public static func isTopic(_ name: String) -> Bool {
        1...topicBytes ~= name.utf8.count && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    public static func isText(_ text: String) -> Bool { text.utf8.count <= textBytes }
}
