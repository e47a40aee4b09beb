/// The one message that a side of a TCP exchange sends.
public struct StreamMessage: Sendable {
    enum Content: Equatable {
        case pushPull(PushPull)
        case ping(Ping)
        case ack(Ack)
        /// The delegate's: a Serf message, if it is Serf.
        case user([UInt8])
        /// Why the other side did not understand us; the texts differ between versions.
        case error(String)
    }

    let content: Content

    static func encode(user bytes: [UInt8]) -> [UInt8] {
        var writer = MessagePackWriter(messageType: MessageType.user.rawValue)
        writer.writeMapHeader(1)
        writer.field("UserMsgLen", UInt32(clamping: bytes.count))
        return writer.bytes + bytes
    }
}

/// Parses a plain stream message piece by piece: neither its length nor the end of the connection tells where it ends.
struct StreamParser {
    private enum State {
        case type
        case whole(MessageType)
        case nodes(PushPull.Header)
        case userState(PushPull.Header)
        case userMessage(length: Int)
    }

    private var state = State.type
    private var position = 0
    private var nodes: [NodeState] = []
    let limitBytes: Int

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    /// `bytes`: All of the message so far; the same and more at the next call.
    /// Throws `truncated` if more must come first.
    mutating func parse(_ bytes: [UInt8]) throws(WireError) -> StreamMessage.Content {
        while true {
            var reader = MessagePackReader(bytes, from: position)
            if let content = try step(&reader) { return content }
            position = reader.position
        }
    }

    private mutating func step(_ reader: inout MessagePackReader) throws(WireError) -> StreamMessage.Content? {
        switch state {
        case .type: try readType(&reader)
        case .whole(let type): return try readWhole(type, &reader)
        case .nodes(let header):
            guard nodes.count < header.nodeCount else {
                state = .userState(header)
                return nil
            }
            nodes.append(try NodeState(from: &reader))
        case .userState(let header):
            let userState = try reader.readBytes(count: header.userStateBytes)
            return .pushPull(PushPull(isJoin: header.isJoin, nodes: nodes, userState: userState))
        case .userMessage(let length): return .user(try reader.readBytes(count: length))
        }
        return nil
    }

    private mutating func readType(_ reader: inout MessagePackReader) throws(WireError) {
        let tag = try reader.readByte()
        switch MessageType(rawValue: tag) {
        case .ping: state = .whole(.ping)
        case .ack: state = .whole(.ack)
        case .error: state = .whole(.error)
        case .user:
            var length = 0
            try reader.readRecord(["UserMsgLen"]) { (_, reader) throws(WireError) in
                length = try reader.readCount(upTo: limitBytes)
            }
            state = .userMessage(length: length)
        case .pushPull:
            let header = try PushPull.Header(from: &reader)
            // A node takes at least its seven fields' values, and in practice their names.
            guard header.userStateBytes <= limitBytes, header.nodeCount <= limitBytes / 8 else { throw .tooLarge }
            state = .nodes(header)
        case .indirectPing, .suspect, .alive, .dead, .compound, .compress, .encrypt, .nack, .checksum, .label, nil:
            throw .unknownMessage(tag)
        }
    }

    private func readWhole(
        _ type: MessageType, _ reader: inout MessagePackReader
    ) throws(WireError) -> StreamMessage.Content {
        switch type {
        case .ping: return .ping(try Ping(from: &reader))
        case .ack: return .ack(try Ack(from: &reader))
        default:
            var text = ""
            try reader.readRecord(["Error"]) { (_, reader) throws(WireError) in text = try reader.readText() }
            return .error(text)
        }
    }
}
