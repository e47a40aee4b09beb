import CNGHTTP2
import IgropyrUV
import TestSupport

/// One frame of HTTP/2 (RFC 9113 §4.1).
struct Frame: Equatable {
    enum Kind: UInt8 {
        case data, headers, priority, reset, settings, push, ping, goAway, windowUpdate, continuation
    }

    static let endStream: UInt8 = 0x01
    static let ack: UInt8 = 0x01
    static let endHeaders: UInt8 = 0x04

    var kind: UInt8
    var flags: UInt8 = 0
    var stream: UInt32 = 0
    var payload: [UInt8] = []
    /// Of a header block that came, decoded.
    var fields: [String] = []

    init(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
        self.kind = kind.rawValue
        self.flags = flags
        self.stream = stream
        self.payload = payload
    }

    fileprivate init?(_ bytes: [UInt8], _ inflater: Inflater) {
        guard bytes.count >= 9 else { return nil }
        let length = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
        guard bytes.count >= 9 + length else { return nil }
        kind = bytes[3]
        flags = bytes[4]
        stream = bytes[5..<9].reduce(0) { $0 << 8 | UInt32($1) }
        payload = Array(bytes[9..<(9 + length)])
        if kind == Kind.headers.rawValue { fields = inflater.fields(in: payload) }
    }

    var bytes: [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF), kind, flags] + Self.bytes(stream)
            + payload
    }

    /// The last four bytes: of GOAWAY without data, RST_STREAM and WINDOW_UPDATE what they are about.
    var code: UInt32 { payload.suffix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    var endsStream: Bool { flags & Self.endStream != 0 }
    var status: String? { fields.first { $0.hasPrefix(":status: ") }.map { String($0.dropFirst(9)) } }

    static func bytes(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> (24 - 8 * $0) & 0xFF) } }

    /// A header block: literals without indexing, without Huffman's code (RFC 7541 §6.2.2).
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + text($0.0) + text($0.1) }
    }

    private static func text(_ text: String) -> [UInt8] {
        var count = text.utf8.count
        guard count >= 127 else { return [UInt8(count)] + Array(text.utf8) }
        count -= 127
        var bytes: [UInt8] = [127]
        while count >= 128 {
            bytes.append(UInt8(count & 0x7F) | 0x80)
            count >>= 7
        }
        return bytes + [UInt8(count)] + Array(text.utf8)
    }

    static func request(
        _ stream: UInt32, _ path: String = "/", method: String = "GET", _ fields: [(String, String)] = [],
        ends: Bool = true
    ) -> Frame {
        let pseudo = [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", path)]
        return Frame(.headers, flags: endHeaders | (ends ? endStream : 0), stream: stream, block(pseudo + fields))
    }

    static func data(_ stream: UInt32, _ text: String, ends: Bool = true) -> Frame {
        Frame(.data, flags: ends ? endStream : 0, stream: stream, Array(text.utf8))
    }

    static func windowUpdate(_ stream: UInt32, _ count: UInt32) -> Frame {
        Frame(.windowUpdate, stream: stream, bytes(count))
    }

    /// `initialWindow`: what the server may send on each stream without being asked to go on.
    static func settings(initialWindow: UInt32? = nil) -> Frame {
        Frame(.settings, initialWindow.map { [0, 4] + bytes($0) } ?? [])
    }
}

/// A client of HTTP/2 that sends the frames it is told and keeps those that come; does nothing by itself.
final class FrameClient: TCPStreamDelegate {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let stream: TCPStream
    private let inflater = Inflater()
    private var unread: [UInt8] = []
    private(set) var frames: [Frame] = []
    /// Of all responses' bodies.
    private(set) var bodyBytes = 0
    private(set) var hasEnded = false
    private var waiter: (isEnough: (FrameClient) -> Bool, continuation: CheckedContinuation<Void, Never>)?

    private init(_ stream: TCPStream) { self.stream = stream }

    static func connect(
        to address: SocketAddress, on loop: EventLoop, isReading: Bool = true
    ) async throws -> FrameClient {
        let stream = try await TCPStream.connected(to: address, on: loop)
        let client = FrameClient(stream)
        stream.delegate = client
        if isReading { stream.startReading() }
        return client
    }

    /// The preface and SETTINGS, then `frames`.
    func begin(_ settings: Frame = .settings(), _ frames: [Frame] = []) { send(Self.preface, [settings] + frames) }

    func send(_ frames: Frame...) { send([], frames) }

    func send(_ prefix: [UInt8], _ frames: [Frame]) {
        let bytes = prefix + frames.flatMap(\.bytes)
        stream.write(bytes.span.bytes)
    }

    /// Sends in pieces, each of which the other end reads by itself.
    func send(_ bytes: [UInt8], step: Int) async {
        for start in stride(from: 0, to: bytes.count, by: step) {
            let piece = Array(bytes[start..<min(start + step, bytes.count)])
            stream.write(piece.span.bytes)
            for _ in 0..<3 { await stream.loop.turn() }
        }
    }

    func endSending() { stream.endWriting() }
    func startReading() { stream.startReading() }
    func stopReading() { stream.stopReading() }
    func close() { stream.close() }
    func reset() { stream.reset() }

    /// Waits until that is so, or the connection has ended.
    func wait(until isEnough: @escaping (FrameClient) -> Bool) async {
        guard !hasEnded, !isEnough(self) else { return }
        await withCheckedContinuation { waiter = (isEnough, $0) }
    }

    func waitForEnd() async { await wait { _ in false } }

    func frames(_ kind: Frame.Kind, _ stream: UInt32? = nil) -> [Frame] {
        frames.filter { $0.kind == kind.rawValue && (stream == nil || $0.stream == stream) }
    }

    /// The status and the body of the response, once it is whole.
    func response(_ stream: UInt32) async -> (status: String?, body: String) {
        await wait { $0.isOver(stream) }
        return (frames(.headers, stream).compactMap(\.status).last, body(stream))
    }

    func body(_ stream: UInt32) -> String {
        String(decoding: frames(.data, stream).flatMap(\.payload), as: UTF8.self)
    }

    func isOver(_ stream: UInt32) -> Bool {
        frames.contains {
            $0.stream == stream && ($0.kind < 2 && $0.endsStream || $0.kind == Frame.Kind.reset.rawValue)
        }
    }

    /// Why the server ends the connection; nil if it has not said so.
    var goAway: UInt32? { frames(.goAway).last?.code }

    func streamDidRead(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { unread += $0 }
        while let frame = Frame(unread, inflater) {
            unread.removeFirst(9 + frame.payload.count)
            frames.append(frame)
            if frame.kind == Frame.Kind.data.rawValue { bodyBytes += frame.payload.count }
        }
        if let waiter, waiter.isEnough(self) { wake() }
    }

    func streamDidEnd() {
        hasEnded = true
        wake()
    }

    func streamDidDrain() {}

    func streamDidFail(_ error: UVError) {
        hasEnded = true
        stream.close()
        wake()
    }

    private func wake() {
        waiter?.continuation.resume()
        waiter = nil
    }
}

/// Decodes header blocks, by nghttp2.
private final class Inflater {
    private var raw: OpaquePointer?

    init() { nghttp2_hd_inflate_new(&raw) }
    deinit { nghttp2_hd_inflate_del(raw) }

    func fields(in block: [UInt8]) -> [String] {
        var fields: [String] = []
        var offset = 0
        while true {
            var field = nghttp2_nv()
            var flags: Int32 = 0
            let count = block.withUnsafeBufferPointer {
                nghttp2_hd_inflate_hd2(raw, &field, &flags, $0.baseAddress! + offset, block.count - offset, 1)
            }
            guard count >= 0 else { return fields + ["broken"] }
            offset += count
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                let name = String(decoding: UnsafeBufferPointer(start: field.name, count: field.namelen), as: UTF8.self)
                let value = String(
                    decoding: UnsafeBufferPointer(start: field.value, count: field.valuelen), as: UTF8.self)
                fields.append("\(name): \(value)")
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
                nghttp2_hd_inflate_end_headers(raw)
                return fields
            }
            if count == 0, flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) == 0 { return fields }
        }
    }
}
