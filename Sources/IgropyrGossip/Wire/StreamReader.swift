/// Collects the bytes of one side of a TCP exchange until its message is complete; holds at most its limit.
///
/// A value: make one per connection with ``Gossip/makeStreamReader(for:)``, feed what arrives, hand the outcome to the
/// core.
public struct StreamReader {
    /// The side of the connection that we are.
    public enum Role: Sendable { case initiator, responder }

    private enum State {
        case label
        case type
        case encrypted(lengthBytes: Int)
        case compressed
        case plain(StreamParser)
    }

    private let envelope: Envelope
    private let limitBytes: Int
    private var buffer: [UInt8] = []
    private var neededBytes = 1
    private var state: State

    init(envelope: Envelope, role: Role, limitBytes: Int) {
        self.envelope = envelope
        self.limitBytes = limitBytes
        state = role == .responder ? .label : .type
    }

    /// Whether the connection broke off inside a message rather than before it.
    public var isInsideMessage: Bool { !buffer.isEmpty }

    /// The message, once its last byte is there; nil before. What follows it is ignored.
    /// Throws anything but `truncated`. Answer with ``Gossip/handleRequest(_:at:)``, then close.
    public mutating func read(_ bytes: [UInt8]) throws(WireError) -> StreamMessage? {
        guard bytes.count <= limitBytes + Envelope.streamHeaderBytes - buffer.count else { throw .tooLarge }
        buffer += bytes
        while buffer.count >= neededBytes {
            do throws(WireError) {
                if let content = try step() { return StreamMessage(content: content) }
            } catch .truncated(let missing) {
                neededBytes = buffer.count + max(1, missing)
                guard neededBytes <= limitBytes + Envelope.streamHeaderBytes else { throw .tooLarge }
            }
        }
        return nil
    }

    private mutating func step() throws(WireError) -> StreamMessage.Content? {
        switch state {
        case .label:
            buffer.removeFirst(try envelope.labelEnd(in: buffer))
            neededBytes = 1  // Maybe the label was waited for, which counts no more.
            state = .type
        case .type: try readType()
        case .encrypted(let length):
            let header = Array(buffer.prefix(Envelope.streamHeaderBytes))
            guard buffer.count >= header.count + length else {
                throw .truncated(missing: header.count + length - buffer.count)
            }
            return try parseWhole(
                try envelope.openStream(header: header, blob: Array(buffer[header.count..<header.count + length])))
        case .compressed:
            var reader = MessagePackReader(buffer, from: 1)
            return try parseInner(try Compression.decompress(from: &reader, limitBytes: limitBytes))
        case .plain(var parser):
            defer { state = .plain(parser) }
            return try parser.parse(buffer)
        }
        return nil
    }

    private mutating func readType() throws(WireError) {
        guard let tag = buffer.first else { throw .truncated(missing: 1) }
        let isEncrypted = tag == MessageType.encrypt.rawValue
        guard isEncrypted != envelope.keyring.isEmpty else {
            throw isEncrypted ? .unexpectedEncryption : .notEncrypted
        }
        if isEncrypted {
            guard buffer.count >= Envelope.streamHeaderBytes else {
                throw .truncated(missing: Envelope.streamHeaderBytes - buffer.count)
            }
            let length = buffer[1..<Envelope.streamHeaderBytes].reduce(0) { $0 << 8 | Int($1) }
            guard length <= limitBytes else { throw .tooLarge }
            state = .encrypted(lengthBytes: length)
        } else if tag == MessageType.compress.rawValue {
            state = .compressed
        } else {
            state = .plain(StreamParser(limitBytes: limitBytes))
        }
    }

    private func parseWhole(_ bytes: [UInt8]) throws(WireError) -> StreamMessage.Content {
        guard bytes.first == MessageType.compress.rawValue else { return try parseInner(bytes) }
        do throws(WireError) {
            var reader = MessagePackReader(bytes, from: 1)
            return try parseInner(try Compression.decompress(from: &reader, limitBytes: limitBytes))
        } catch .truncated {
            throw .outOfRange
        }
    }

    /// A message whose bytes are all there: none may be missing.
    private func parseInner(_ bytes: [UInt8]) throws(WireError) -> StreamMessage.Content {
        var parser = StreamParser(limitBytes: limitBytes)
        do throws(WireError) { return try parser.parse(bytes) } catch .truncated { throw .outOfRange }
    }
}
