/// Reads the frames of one end of a WebSocket and puts messages together (RFC 6455 §5).
///
/// Give it what was read; it takes all of it, one event a call. Whatever way the input is cut, events and errors are
/// the same. It holds at most one message, as far as that has arrived, and nothing between messages. After an error,
/// and after a close frame, the rest of the input means nothing.
public struct WebSocketDecoder: Sendable {
    /// Who sends what is read.
    public enum Peer: Sendable {
        case client
        case server
    }

    public enum Kind: Sendable, Hashable {
        case text
        case binary
    }

    public enum Event: Sendable, Hashable {
        /// A whole message. One that is compressed is to be expanded; a text is not known to be UTF-8 yet.
        case message(Kind, [UInt8], isCompressed: Bool)
        case ping([UInt8])
        case pong([UInt8])
        /// ``WebSocketCloseCode/noStatus`` if the peer gave none.
        case close(WebSocketCloseCode, reason: String)
    }

    private enum State {
        case start
        case length
        /// So many bytes of the length are missing.
        case longLength(missing: Int)
        case mask(missing: Int)
        /// So many bytes of the payload are missing.
        case payload(missing: Int)
        case over
        case failed(WebSocketError)
    }

    private let peer: Peer
    private let messageBytes: Int
    private let allowsCompression: Bool
    private var state = State.start

    // The frame that is being read.
    private var opcode = WebSocketFrame.Opcode.continuation
    private var isFinal = false
    private var length: UInt64 = 0
    private var maskingKey: UInt32 = 0
    /// Bytes of the payload that were read.
    private var payloadOffset = 0
    private var control: [UInt8] = []

    /// The message that has begun.
    private var kind: Kind?
    private var isCompressed = false
    private var message: [UInt8] = []

    /// A message that has more than `messageBytes`, still compressed, is an error.
    public init(of peer: Peer, messageBytes: Int, allowsCompression: Bool) {
        self.peer = peer
        self.messageBytes = messageBytes
        self.allowsCompression = allowsCompression
    }

    /// The next event in `bytes` from `offset` on, which moves past what was read; nil once that is all.
    public mutating func next(in bytes: RawSpan, at offset: inout Int) throws(WebSocketError) -> Event? {
        do throws(WebSocketError) {
            while offset < bytes.byteCount || isAtEndOfFrame {
                switch state {
                case .payload(let missing):
                    let count = min(missing, bytes.byteCount - offset)
                    take(bytes.extracting(offset..<(offset + count)))
                    offset += count
                    state = .payload(missing: missing - count)
                    if missing == count, let event = try endFrame() { return event }
                case .over:
                    offset = bytes.byteCount
                case .failed(let error):
                    throw error
                case .start, .length, .longLength, .mask:
                    try takeHeader(bytes.byte(at: offset))
                    offset += 1
                }
            }
            return nil
        } catch {
            state = .failed(error)
            (message, control) = ([], [])
            throw error
        }
    }

    /// A frame without payload needs no further byte to be whole.
    private var isAtEndOfFrame: Bool {
        if case .payload(missing: 0) = state { true } else { false }
    }

    // MARK: Header

    private mutating func takeHeader(_ byte: UInt8) throws(WebSocketError) {
        switch state {
        case .start: try takeFirst(byte)
        case .length: try takeLength(byte)
        case .longLength(let missing):
            length = length << 8 | UInt64(byte)
            guard missing == 1 else { return state = .longLength(missing: missing - 1) }
            try endLongLength()
        case .mask(let missing):
            maskingKey = maskingKey << 8 | UInt32(byte)
            state = missing == 1 ? .payload(missing: Int(length)) : .mask(missing: missing - 1)
        case .payload, .over, .failed: break
        }
    }

    private mutating func takeFirst(_ byte: UInt8) throws(WebSocketError) {
        guard let opcode = WebSocketFrame.Opcode(rawValue: byte & 0x0F) else { throw .unknownOpcode }
        guard byte & 0x30 == 0 else { throw .reservedBit }
        let marksCompression = byte & 0x40 != 0
        self.opcode = opcode
        isFinal = byte & 0x80 != 0
        switch opcode {
        case .continuation:
            guard !marksCompression else { throw .reservedBit }
            guard kind != nil else { throw .unexpectedContinuation }
        case .text, .binary:
            guard kind == nil else { throw .interruptedMessage }
            guard !marksCompression || allowsCompression else { throw .reservedBit }
            kind = opcode == .text ? .text : .binary
            isCompressed = marksCompression
        case .close, .ping, .pong:
            guard !marksCompression else { throw .reservedBit }
            guard isFinal else { throw .invalidControlFrame }
        }
        state = .length
    }

    private mutating func takeLength(_ byte: UInt8) throws(WebSocketError) {
        switch (peer, byte & 0x80 != 0) {
        case (.client, false): throw .unmaskedFrame
        case (.server, true): throw .maskedFrame
        case (.client, true), (.server, false): break
        }
        length = UInt64(byte & 0x7F)
        guard length > 125 else { return try endLength() }
        guard !opcode.isControl else { throw .invalidControlFrame }
        let count = length == 126 ? 2 : 8
        length = 0
        state = .longLength(missing: count)
        longLengthBytes = count
    }

    /// Of the length that is being read: 2 or 8.
    private var longLengthBytes = 0

    private mutating func endLongLength() throws(WebSocketError) {
        guard length > (longLengthBytes == 2 ? 125 : 0xFFFF), length <= UInt64(Int64.max) else { throw .invalidLength }
        try endLength()
    }

    private mutating func endLength() throws(WebSocketError) {
        if !opcode.isControl, length > UInt64(messageBytes - message.count) { throw .messageTooLarge }
        payloadOffset = 0
        maskingKey = 0
        state = peer == .client ? .mask(missing: 4) : .payload(missing: Int(length))
    }

    // MARK: Payload

    private mutating func take(_ bytes: RawSpan) {
        if opcode.isControl {
            take(bytes, into: &control)
        } else {
            take(bytes, into: &message)
        }
        payloadOffset += bytes.byteCount
    }

    private func take(_ bytes: RawSpan, into payload: inout [UInt8]) {
        let start = payload.count
        bytes.append(first: bytes.byteCount, to: &payload)
        if maskingKey != 0 { payload.mask(from: start, by: maskingKey, phase: payloadOffset) }
    }

    private mutating func endFrame() throws(WebSocketError) -> Event? {
        state = .start
        if opcode.isControl { return try endControlFrame() }
        guard isFinal, let kind else { return nil }
        defer { message = [] }
        self.kind = nil
        return .message(kind, message, isCompressed: isCompressed)
    }

    private mutating func endControlFrame() throws(WebSocketError) -> Event? {
        let payload = control
        control = []
        switch opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        case .close:
            state = .over
            return try Self.close(payload)
        case .continuation, .text, .binary: return nil
        }
    }

    private static func close(_ payload: [UInt8]) throws(WebSocketError) -> Event {
        guard !payload.isEmpty else { return .close(.noStatus, reason: "") }
        guard payload.count >= 2 else { throw .invalidClose }
        let code = WebSocketCloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
        guard code.isSendable, let reason = String(validating: payload[2...], as: UTF8.self) else {
            throw .invalidClose
        }
        return .close(code, reason: reason)
    }
}
