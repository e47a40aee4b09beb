import IgropyrCoding
import IgropyrHTTP

/// Frames of a WebSocket: who sends them and whether they may be compressed, step, bytes.
enum WebSocketTarget: FuzzTarget {
    static let name = "websocket"
    private static let expandedBytes = 1 << 16

    private struct Outcome: Equatable {
        var events: [WebSocketDecoder.Event] = []
        var error: WebSocketError?
    }

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let choice = input.byte()
        let peer: WebSocketDecoder.Peer = choice & 1 == 0 ? .client : .server
        let allowsCompression = choice & 2 != 0
        let limit = choice & 4 == 0 ? 1 << 16 : 100
        let steps = input.steps()
        let wire = input.rest
        let outcome = steps.agree { read(wire, step: $0, peer, limit, allowsCompression) }
        for event in outcome?.events ?? [] {
            check(event, limit, allowsCompression)
            let again = read(write(event, by: peer), step: .max, peer, .max, allowsCompression)
            require(again == Outcome(events: [event]), "an event that was sent again is another one")
        }
    }

    private static func read(
        _ wire: [UInt8], step: Int, _ peer: WebSocketDecoder.Peer, _ limit: Int, _ allowsCompression: Bool
    ) -> Outcome {
        var decoder = WebSocketDecoder(of: peer, messageBytes: limit, allowsCompression: allowsCompression)
        var outcome = Outcome()
        var start = 0
        while start < wire.count {
            let piece = wire.span.bytes.extracting(start..<(start + min(step, wire.count - start)))
            var offset = 0
            do {
                while let event = try decoder.next(in: piece, at: &offset) { outcome.events.append(event) }
            } catch {
                outcome.error = error
                return outcome
            }
            require(offset == piece.byteCount, "a piece is not read to its end")
            start += piece.byteCount
        }
        return outcome
    }

    private static func check(_ event: WebSocketDecoder.Event, _ limit: Int, _ allowsCompression: Bool) {
        switch event {
        case .message(let kind, let bytes, let isCompressed):
            require(bytes.count <= limit && (allowsCompression || !isCompressed))
            guard isCompressed else { return _ = try? WebSocketMessage(kind, bytes) }
            let inflater = try? MessageInflater()
            let expanded = try? inflater?.expand(bytes.span.bytes, limitBytes: expandedBytes)
            require((expanded ?? []).count <= expandedBytes)
        case .ping(let bytes), .pong(let bytes): require(bytes.count <= WebSocketFrame.controlBytes)
        case .close(let code, let reason):
            require(code.isSendable || code == .noStatus && reason.isEmpty)
            require(reason.utf8.count <= WebSocketFrame.controlBytes - 2)
        }
    }

    private static func write(_ event: WebSocketDecoder.Event, by peer: WebSocketDecoder.Peer) -> [UInt8] {
        let key: UInt32? = peer == .client ? 0x1234_5678 : nil
        var wire: [UInt8] = []
        switch event {
        case .message(let kind, let bytes, let isCompressed):
            WebSocketFrame.append(
                kind == .text ? .text : .binary, bytes.span.bytes, isCompressed: isCompressed, maskingKey: key,
                to: &wire)
        case .ping(let bytes): WebSocketFrame.append(.ping, bytes.span.bytes, maskingKey: key, to: &wire)
        case .pong(let bytes): WebSocketFrame.append(.pong, bytes.span.bytes, maskingKey: key, to: &wire)
        case .close(let code, let reason):
            let payload = WebSocketFrame.closePayload(code, reason)
            WebSocketFrame.append(.close, payload.span.bytes, maskingKey: key, to: &wire)
        }
        return wire
    }
}
