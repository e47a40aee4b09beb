@testable import IgropyrGossip

/// One message of the gossip, without what goes around it: which one, bytes. What was read is the same when it was
/// written and read again.
enum MessagePackTarget: FuzzTarget {
    static let name = "messagepack"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let choice = input.byte()
        let bytes = input.rest
        switch choice % 18 {
        case 0: check(bytes, Ping.init(from:)) { $0.encoded }
        case 1: check(bytes, IndirectPing.init(from:)) { $0.encoded }
        case 2: check(bytes, Ack.init(from:)) { $0.encoded }
        case 3: check(bytes, Nack.init(from:)) { $0.encoded }
        case 4: check(bytes, Alive.init(from:)) { $0.encoded }
        case 5: check(bytes, Accusation.init(from:)) { $0.encoded(as: .suspect) }
        case 6: check(bytes, readJoin) { $0.encoded }
        case 7: check(bytes, { reader throws(WireError) in try Intent(.leave, from: &reader) }) { $0.encoded }
        case 8: check(bytes, UserEventMessage.init(from:)) { $0.encoded }
        case 9: check(bytes, readQuery) { $0.encoded }
        case 10: check(bytes, QueryResponseMessage.init(from:)) { $0.encoded }
        case 11: check(bytes, RelayMessage.init(from:)) { $0.encoded }
        case 12: check(bytes, readKeys) { $0.encoded }
        case 13: checkState(bytes)
        case 14: checkTags(bytes)
        case 15: checkPushPull(bytes)
        case 16: checkCompression(bytes)
        default: checkSkipping(bytes)
        }
    }

    /// `write` puts a type before the value.
    private static func check<Message: Equatable>(
        _ bytes: [UInt8], _ read: (inout MessagePackReader) throws(WireError) -> Message,
        _ write: (Message) -> [UInt8]
    ) {
        var reader = MessagePackReader(bytes)
        guard let message = try? read(&reader) else { return }
        var second = MessagePackReader(write(message), from: 1)
        guard let copy = try? read(&second) else { fatalError("what was written cannot be read") }
        require(copy == message, "a message that was written again is another one")
    }

    /// Whether to forget the member means something with a leave only.
    private static func readJoin(from reader: inout MessagePackReader) throws(WireError) -> Intent {
        var intent = try Intent(.join, from: &reader)
        intent.isPrune = false
        return intent
    }

    /// No filters and an empty list of them are the same.
    private static func readQuery(from reader: inout MessagePackReader) throws(WireError) -> QueryMessage {
        var query = try QueryMessage(from: &reader)
        query.filters = query.filters ?? []
        return query
    }

    /// Likewise no keys.
    private static func readKeys(from reader: inout MessagePackReader) throws(WireError) -> KeyResponse {
        var response = try KeyResponse(from: &reader)
        response.keys = response.keys ?? []
        return response
    }

    private static func checkState(_ bytes: [UInt8]) {
        guard let state = try? SerfState([SerfMessageType.pushPull.rawValue] + bytes) else { return }
        require((try? SerfState(state.encoded)) == state)
    }

    private static func checkTags(_ bytes: [UInt8]) {
        guard let tags = try? Tags.decode(bytes), let encoded = Tags.encode(tags) else { return }
        require(encoded.count <= Tags.limitBytes && (try? Tags.decode(encoded)) == tags)
    }

    private static func checkPushPull(_ bytes: [UInt8]) {
        var parser = StreamParser(limitBytes: 1 << 16)
        guard case .pushPull(let state)? = try? parser.parse([MessageType.pushPull.rawValue] + bytes) else { return }
        var second = StreamParser(limitBytes: 1 << 18)
        require((try? second.parse(state.encoded)) == .pushPull(state))
    }

    private static func checkCompression(_ bytes: [UInt8]) {
        let limit = 1 << 16
        if let expanded = try? LZW.decompress(bytes, limitBytes: limit) { require(expanded.count <= limit) }
        guard !bytes.isEmpty else { return }
        require((try? LZW.decompress(LZW.compress(bytes), limitBytes: bytes.count)) == bytes)
    }

    private static func checkSkipping(_ bytes: [UInt8]) {
        var reader = MessagePackReader(bytes)
        guard (try? reader.skip()) != nil else { return }
        require((1...bytes.count).contains(reader.position))
        // It needs all of the bytes that it took.
        var short = MessagePackReader(Array(bytes[..<(reader.position - 1)]))
        require((try? short.skip()) == nil)
    }
}
