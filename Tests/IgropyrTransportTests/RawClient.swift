import IgropyrUV
import TestSupport

/// A client that sends what it is told and keeps what comes, as bytes.
final class RawClient: TCPStreamDelegate {
    enum Ending: Equatable { case closed, broken }

    private let stream: TCPStream
    private(set) var received = ""
    private(set) var ending: Ending?
    private var waiter: (isEnough: (String) -> Bool, continuation: CheckedContinuation<Void, Never>)?

    private init(_ stream: TCPStream) { self.stream = stream }

    static func connect(to address: SocketAddress, on loop: EventLoop, isReading: Bool = true) async throws -> RawClient
    {
        let stream = try await TCPStream.connected(to: address, on: loop)
        let client = RawClient(stream)
        stream.delegate = client
        if isReading { stream.startReading() }
        return client
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        stream.write(bytes.span.bytes)
    }

    func send(_ bytes: [UInt8]) { stream.write(bytes.span.bytes) }

    /// Sends in pieces, each of which the other end reads by itself.
    func send(_ text: String, step: Int) async {
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: step) {
            let piece = Array(bytes[start..<min(start + step, bytes.count)])
            stream.write(piece.span.bytes)
            for _ in 0..<3 { await turn() }
        }
    }

    /// One turn of the loop, on which the server is, too.
    private func turn() async {
        await withCheckedContinuation { continuation in
            stream.loop.submitLocally { continuation.resume() }
        }
        await Task.yield()
    }

    func endSending() { stream.endWriting() }
    func startReading() { stream.startReading() }
    func close() { stream.close() }
    func reset() { stream.reset() }

    /// What has come, once it is enough or the connection has ended.
    @discardableResult func receive(until isEnough: @escaping (String) -> Bool) async -> String {
        if ending == nil, !isEnough(received) {
            await withCheckedContinuation { waiter = (isEnough, $0) }
        }
        return received
    }

    /// Everything until the server closes.
    func receiveAll() async -> String { await receive { _ in false } }

    func streamDidRead(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { received += String(decoding: $0, as: UTF8.self) }
        guard let waiter, waiter.isEnough(received) else { return }
        wake()
    }

    func streamDidEnd() {
        ending = ending ?? .closed
        wake()
    }

    func streamDidDrain() {}

    func streamDidFail(_ error: UVError) {
        ending = .broken
        stream.close()
        wake()
    }

    private func wake() {
        waiter?.continuation.resume()
        waiter = nil
    }
}
