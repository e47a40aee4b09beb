import IgropyrUV

/// A client on a loop that sends the bytes it is told and keeps those that come, for what no proper client sends.
public final class StreamClient: TCPStreamDelegate {
    public enum Ending: Equatable { case closed, broken }

    private let stream: TCPStream
    public private(set) var received = ""
    /// The same, where it is no text.
    public private(set) var receivedBytes: [UInt8] = []
    public private(set) var ending: Ending?
    private var waiter: (isEnough: (String) -> Bool, continuation: CheckedContinuation<Void, Never>)?

    public init(to address: SocketAddress, on loop: EventLoop, isReading: Bool = true) async throws {
        stream = try await TCPStream.connected(to: address, on: loop)
        stream.delegate = self
        if isReading { stream.startReading() }
    }

    public func send(_ text: String) { send(Array(text.utf8)) }

    public func send(_ bytes: [UInt8]) { stream.write(bytes.span.bytes) }

    /// Sends in pieces, each of which the other end, on the same loop, reads by itself.
    public func send(_ text: String, step: Int) async {
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: step) {
            send(Array(bytes[start..<min(start + step, bytes.count)]))
            for _ in 0..<3 { await stream.loop.turn() }
        }
    }

    public func endSending() { stream.endWriting() }
    public func startReading() { stream.startReading() }
    public func stopReading() { stream.stopReading() }
    public func close() { stream.close() }
    public func reset() { stream.reset() }

    /// What has come, once it is enough or the connection has ended.
    @discardableResult public func receive(until isEnough: @escaping (String) -> Bool) async -> String {
        if ending == nil, !isEnough(received) { await withCheckedContinuation { waiter = (isEnough, $0) } }
        return received
    }

    /// Everything until the server closes.
    public func receiveAll() async -> String { await receive { _ in false } }

    public func streamDidRead(_ bytes: RawSpan) {
        bytes.withUnsafeBytes {
            received += String(decoding: $0, as: UTF8.self)
            receivedBytes += $0
        }
        if let waiter, waiter.isEnough(received) { wake() }
    }

    public func streamDidEnd() { end(.closed) }
    public func streamDidDrain() {}
    public func streamDidFail(_ error: UVError) { end(.broken) }

    private func end(_ ending: Ending) {
        self.ending = self.ending ?? ending
        stream.close()
        wake()
    }

    private func wake() {
        waiter?.continuation.resume()
        waiter = nil
    }
}

extension EventLoop {
    /// Returns after the loop has looked at its sockets once more; on this loop.
    public func turn() async {
        await withCheckedContinuation { continuation in submitLocally { continuation.resume() } }
        await Task.yield()
    }
}
