import IgropyrHTTP
import Testing

/// The rules of RFC 6455 §5, as frames on the wire.
@Suite struct WebSocketDecoderTests {
    private static let mask: UInt32 = 0x37FA_213D

    /// What became of some frames, fed so many bytes at a time.
    private static func read(
        _ wire: [UInt8], step: Int, of peer: WebSocketDecoder.Peer = .client, messageBytes: Int = 1 << 20,
        isCompressing: Bool = false
    ) -> (events: [WebSocketDecoder.Event], error: WebSocketError?) {
        var decoder = WebSocketDecoder(of: peer, messageBytes: messageBytes, allowsCompression: isCompressing)
        var events: [WebSocketDecoder.Event] = []
        var rest = wire[...]
        do {
            while !rest.isEmpty {
                let piece = Array(rest.prefix(step))
                rest = rest.dropFirst(step)
                var offset = 0
                while let event = try decoder.next(in: piece.span.bytes, at: &offset) { events.append(event) }
                #expect(offset == piece.count)
            }
        } catch { return (events, error) }
        return (events, nil)
    }

    private static func expect(
        _ wire: [UInt8], _ events: [WebSocketDecoder.Event], _ error: WebSocketError? = nil,
        of peer: WebSocketDecoder.Peer = .client, messageBytes: Int = 1 << 20, isCompressing: Bool = false,
        _ location: SourceLocation = #_sourceLocation
    ) {
        for step in [1, 2, 3, 5, 7, 64, wire.count] {
            let result = read(
                wire, step: max(step, 1), of: peer, messageBytes: messageBytes, isCompressing: isCompressing)
            #expect(result.events == events, "in steps of \(step)", sourceLocation: location)
            #expect(result.error == error, "in steps of \(step)", sourceLocation: location)
        }
    }

    private static func frame(
        _ opcode: WebSocketFrame.Opcode, _ payload: [UInt8], isCompressed: Bool = false, mask: UInt32? = mask
    ) -> [UInt8] {
        var wire: [UInt8] = []
        WebSocketFrame.append(opcode, payload.span.bytes, isCompressed: isCompressed, maskingKey: mask, to: &wire)
        return wire
    }

    /// A frame that is not the last of its message.
    private static func part(_ opcode: WebSocketFrame.Opcode, _ payload: [UInt8]) -> [UInt8] {
        var wire = frame(opcode, payload)
        wire[0] &= 0x7F
        return wire
    }

    @Test func `the examples of RFC 6455 §5.7 are read`() {
        let hello = Array("Hello".utf8)
        let unmasked: [UInt8] = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]
        Self.expect(unmasked, [.message(.text, hello, isCompressed: false)], of: .server)
        let masked: [UInt8] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        Self.expect(masked, [.message(.text, hello, isCompressed: false)])
        let fragments: [UInt8] = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f]
        Self.expect(fragments, [.message(.text, hello, isCompressed: false)], of: .server)
        Self.expect([0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], [.ping(hello)], of: .server)
        Self.expect([0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58], [.pong(hello)])
    }

    @Test(arguments: [0, 1, 7, 8, 125, 126, 127, 65_535, 65_536, 70_001])
    func `a payload of any length comes back, masked or not`(count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let event = WebSocketDecoder.Event.message(.binary, payload, isCompressed: false)
        for mask in [0, 1, 0xFF00_0000, 0xDEAD_BEEF] as [UInt32] {
            Self.expect(Self.frame(.binary, payload, mask: mask), [event])
        }
        Self.expect(Self.frame(.binary, payload, mask: nil), [event], of: .server)
    }

    @Test func `control frames may come between the parts of a message`() {
        let wire =
            Self.part(.text, Array("a".utf8)) + Self.frame(.ping, [1]) + Self.part(.continuation, [])
            + Self.frame(.pong, []) + Self.frame(.continuation, Array("b".utf8)) + Self.frame(.binary, [])
        Self.expect(
            wire,
            [
                .ping([1]), .pong([]), .message(.text, Array("ab".utf8), isCompressed: false),
                .message(.binary, [], isCompressed: false),
            ])
    }

    @Test func `a message may be marked as compressed at its start only, and only if that was agreed`() {
        let first = Self.frame(.text, [1], isCompressed: true)
        Self.expect(first, [.message(.text, [1], isCompressed: true)], isCompressing: true)
        Self.expect(first, [], .reservedBit)
        Self.expect(
            Self.part(.text, [1]) + Self.frame(.continuation, [2], isCompressed: true), [], .reservedBit,
            isCompressing: true)
        Self.expect(Self.frame(.ping, [], isCompressed: true), [], .reservedBit, isCompressing: true)
    }

    @Test func `a frame against the rules is refused, and named`() {
        let rows: [([UInt8], WebSocketError)] = [
            ([0x91, 0x80, 0, 0, 0, 0], .reservedBit),
            ([0xA1, 0x80, 0, 0, 0, 0], .reservedBit),
            ([0x83, 0x80, 0, 0, 0, 0], .unknownOpcode),
            ([0x8B, 0x80, 0, 0, 0, 0], .unknownOpcode),
            ([0x81, 0x00], .unmaskedFrame),
            ([0x09, 0x80, 0, 0, 0, 0], .invalidControlFrame),
            ([0x89, 0xFE, 0, 126], .invalidControlFrame),
            ([0x82, 0xFE, 0, 125], .invalidLength),
            ([0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], .invalidLength),
            ([0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], .invalidLength),
            ([0x82, 0xFF, 0x7F, 0, 0, 0, 0, 0, 0, 0], .messageTooLarge),
            (Self.frame(.continuation, []), .unexpectedContinuation),
            (Self.part(.text, []) + Self.frame(.text, []), .interruptedMessage),
            (Self.part(.text, []) + Self.frame(.binary, []), .interruptedMessage),
            (Self.frame(.close, [3]), .invalidClose),
        ]
        for (wire, error) in rows { Self.expect(wire, [], error) }
        Self.expect([0x81, 0x80, 0, 0, 0, 0], [], .maskedFrame, of: .server)
    }

    @Test func `what is too large is known by its header, or by the sum of its parts`() {
        Self.expect([0x82, 0x8B], [], .messageTooLarge, messageBytes: 10)
        let six = [UInt8](repeating: 0, count: 6)
        Self.expect(Self.part(.binary, six) + [0x80, 0x85], [], .messageTooLarge, messageBytes: 10)
        let ten = [UInt8](repeating: 0, count: 10)
        Self.expect(Self.frame(.binary, ten), [.message(.binary, ten, isCompressed: false)], messageBytes: 10)
    }

    @Test func `a close frame has a code that may be sent, or none, and ends the input`() {
        Self.expect(Self.frame(.close, []) + [0xFF], [.close(.noStatus, reason: "")])
        Self.expect(
            Self.frame(.close, WebSocketFrame.closePayload(.goingAway, "tschüß")) + Self.frame(.text, []),
            [.close(.goingAway, reason: "tschüß")])
        for code in [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999] as [UInt16] {
            let code = WebSocketCloseCode(rawValue: code)
            Self.expect(Self.frame(.close, WebSocketFrame.closePayload(code, "")), [.close(code, reason: "")])
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] as [UInt16] {
            Self.expect(Self.frame(.close, [UInt8(code >> 8), UInt8(code & 0xFF)]), [], .invalidClose)
            #expect(WebSocketFrame.closePayload(WebSocketCloseCode(rawValue: code), "a") == [])
        }
        Self.expect(Self.frame(.close, [3, 0xE8, 0xC3]), [], .invalidClose)
    }

    @Test func `a long reason is cut between characters`() {
        let payload = WebSocketFrame.closePayload(.normal, String(repeating: "ä", count: 100))
        #expect(payload.count == 2 + 122)
        #expect(String(validating: payload.dropFirst(2), as: UTF8.self) == String(repeating: "ä", count: 61))
    }

    @Test func `a text is UTF-8`() throws {
        #expect(try WebSocketMessage(.text, Array("ä€😀".utf8)) == .text("ä€😀"))
        for bytes in [[0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]] as [[UInt8]] {
            #expect(throws: WebSocketError.invalidText) { try WebSocketMessage(.text, bytes) }
        }
    }

    @Test func `an error is final`() throws {
        var decoder = WebSocketDecoder(of: .client, messageBytes: 10, allowsCompression: false)
        for _ in 0..<2 {
            #expect(throws: WebSocketError.unknownOpcode) {
                var offset = 0
                let bytes: [UInt8] = [0x83]
                _ = try decoder.next(in: bytes.span.bytes, at: &offset)
            }
        }
    }
}
