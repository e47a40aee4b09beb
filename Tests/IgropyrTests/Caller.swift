import Igropyr
import IgropyrTransport
import IgropyrUV
import TestSupport

/// Sends requests to an application that runs for the length of a test.
final class Caller {
    let client: HTTPRequester
    let server: RunningServer

    fileprivate init(_ client: HTTPRequester, _ server: RunningServer) {
        self.client = client
        self.server = server
    }

    func send(
        _ target: String, _ fields: [(String, String)] = [], method: String = "GET", body: String = ""
    ) async throws -> HTTPRequester.Response {
        let request = HTTPRequester.Request(
            .init(method), target, fields: fields.map { (name: $0.0, value: $0.1) }, body: Array(body.utf8))
        return try await client.send(request, to: server.address)
    }

    /// A connection of its own, for what no proper client sends.
    func connect() async throws -> RawCaller { try await RawCaller(to: server.address, on: client.pool.loop) }
}

extension HTTPRequester.Response {
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// Runs an application on two loops and a client on a third. In the end no handle is left on any of them.
func withApp(
    _ configure: (App) throws -> Void, _ body: @escaping @Sendable (Caller) async throws -> Void
) async throws {
    let app = App()
    app.loops = 2
    try configure(app)
    let server = try await app.start()
    try await onLoop { loop in
        let client = try HTTPRequester(on: loop)
        defer { client.close() }
        try await body(Caller(client, server))
    }
    try await server.stop()
}

/// A connection that sends what it is told and keeps what comes.
final class RawCaller: TCPStreamDelegate {
    private let stream: TCPStream
    private(set) var received = ""
    /// The same, where it is no text.
    private(set) var receivedBytes: [UInt8] = []
    private var isEnded = false
    private var waiter: (isEnough: (String) -> Bool, continuation: CheckedContinuation<Void, Never>)?

    fileprivate init(to address: SocketAddress, on loop: EventLoop) async throws {
        stream = try await TCPStream.connected(to: address, on: loop)
        stream.delegate = self
        stream.startReading()
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) { stream.write(bytes.span.bytes) }

    func stopReading() { stream.stopReading() }

    func endSending() { stream.endWriting() }
    func close() { stream.close() }
    func reset() { stream.reset() }

    @discardableResult func receive(until isEnough: @escaping (String) -> Bool) async -> String {
        if !isEnded, !isEnough(received) { await withCheckedContinuation { waiter = (isEnough, $0) } }
        return received
    }

    func streamDidRead(_ bytes: RawSpan) {
        bytes.withUnsafeBytes {
            received += String(decoding: $0, as: UTF8.self)
            receivedBytes += $0
        }
        if let waiter, waiter.isEnough(received) { wake() }
    }

    func streamDidEnd() { end() }
    func streamDidDrain() {}
    func streamDidFail(_ error: UVError) { end() }

    private func end() {
        isEnded = true
        stream.close()
        wake()
    }

    private func wake() {
        waiter?.continuation.resume()
        waiter = nil
    }
}
