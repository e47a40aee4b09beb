import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

/// A server on a loop of its own, on which the test runs, too.
final class TestServer: HTTPRequestHandler {
    let loop: EventLoop
    private(set) var server: HTTPServer!
    private let onRequest: (MessageHead, RawSpan, any HTTPServerStream) -> Void
    private var clients: [StreamClient] = []
    private var frameClients: [FrameClient] = []

    private init(
        _ loop: EventLoop, _ settings: HTTPServerSettings, _ tls: TLSContext?, _ clients: ClientLimit?,
        onRequest: @escaping (MessageHead, RawSpan, any HTTPServerStream) -> Void
    ) throws {
        self.loop = loop
        self.onRequest = onRequest
        let listener = try TCPListener(on: loop, binding: .loopback(port: 0))
        server = try HTTPServer(listener: listener, settings: settings, tls: tls, clients: clients, handler: self)
    }

    /// Serves during `body`, then closes everything: a handle that is left fails the test.
    static func run(
        _ settings: HTTPServerSettings = HTTPServerSettings(), tls: TLSContext? = nil, clients: ClientLimit? = nil,
        onRequest: @escaping @Sendable (MessageHead, RawSpan, any HTTPServerStream) -> Void = answerWithPath,
        _ body: @escaping @Sendable (TestServer) async throws -> Void
    ) async throws {
        let thread = try EventLoopThread(name: "test")
        let loop = thread.loop
        let outcome = await Task(executorPreference: loop) {
            let server = try TestServer(loop, settings, tls, clients, onRequest: onRequest)
            defer { server.close() }
            try await body(server)
        }.result
        try await thread.stop()
        try outcome.get()
    }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        onRequest(head, bytes, connection)
    }

    func connect(isReading: Bool = true) async throws -> StreamClient {
        let client = try await StreamClient(to: server.localAddress, on: loop, isReading: isReading)
        clients.append(client)
        return client
    }

    /// For HTTP/2.
    func connectFrames(isReading: Bool = true) async throws -> FrameClient {
        let client = try await FrameClient.connect(to: server.localAddress, on: loop, isReading: isReading)
        frameClients.append(client)
        return client
    }

    /// All that comes back for `request` until the server closes.
    func exchange(_ request: String) async throws -> String {
        let client = try await connect()
        client.send(request)
        return await client.receiveAll()
    }

    private func close() {
        for client in clients { client.close() }
        for client in frameClients { client.close() }
        server.close()
    }
}

/// Lets tests hold requests back until enough have come; on one loop.
final class Held: @unchecked Sendable {
    var streams: [any HTTPServerStream] = []
}

@Sendable func answerWithPath(_ head: MessageHead, _ bytes: RawSpan, _ connection: any HTTPServerStream) {
    answer(connection, bytes.string(in: head.path))
}

func answer(_ connection: any HTTPServerStream, status: Int = 200, _ body: String) {
    begin(connection, status: status, .length(UInt64(body.utf8.count)))
    let bytes = Array(body.utf8)
    connection.sendBody(bytes.span.bytes)
    connection.endResponse()
}

func begin(_ connection: any HTTPServerStream, status: Int = 200, _ framing: MessageHead.Framing) {
    do {
        try connection.beginResponse(status: status, framing: framing)
        connection.endHead()
    } catch {
        Issue.record(error)
    }
}

/// Answers with thirty pieces of one byte, which takes half as long again as `patience`.
@Sendable func answerSlowly(_ connection: any HTTPServerStream, _ patience: Duration) {
    begin(connection, .chunked)
    nonisolated(unsafe) let connection = connection  // Stays on its loop.
    Task(executorPreference: connection.loop) {
        let piece = Array("x".utf8)
        for _ in 0..<30 {
            try await Task.sleep(for: patience / 20)
            connection.sendBody(piece.span.bytes)
        }
        connection.endResponse()
    }
}

/// Answers each piece of a request's body as it comes.
final class DialogueExchange: HTTPServerExchange {
    private let connection: any HTTPServerStream

    init(_ connection: any HTTPServerStream) {
        self.connection = connection
        begin(connection, .chunked)
        connection.flush()
    }

    func requestBodyDidArrive(_ bytes: RawSpan) {
        connection.sendBody(bytes)
        connection.flush()
    }

    func requestDidEnd() { connection.endResponse() }
    func responseDidDrain() {}
    func clientDidAbort() {}
}

/// Collects a request's body and answers with it.
final class EchoExchange: HTTPServerExchange {
    private let connection: any HTTPServerStream
    private var body = ""
    private let pausing: Bool

    init(_ connection: any HTTPServerStream, pausing: Bool = false) {
        self.connection = connection
        self.pausing = pausing
    }

    func requestBodyDidArrive(_ bytes: RawSpan) {
        body += bytes.string(in: 0..<bytes.byteCount)
        guard pausing else { return }
        connection.pauseBody()
        connection.loop.submitLocally { [connection] in connection.resumeBody() }
    }

    func requestDidEnd() { answer(connection, body) }
    func responseDidDrain() {}
    func clientDidAbort() {}
}

/// Tells a test what became of the client, and that the server is about to end.
final class WatchingExchange: HTTPServerExchange {
    private let onAbort: () -> Void
    private let onDrain: () -> Void
    private let onEnd: () -> Void

    init(
        onAbort: @escaping () -> Void = {}, onDrain: @escaping () -> Void = {}, onEnd: @escaping () -> Void = {}
    ) {
        self.onAbort = onAbort
        self.onDrain = onDrain
        self.onEnd = onEnd
    }

    func requestBodyDidArrive(_ bytes: RawSpan) {}
    func requestDidEnd() {}
    func responseDidDrain() { onDrain() }
    func clientDidAbort() { onAbort() }
    func serverWillDrain() { onEnd() }
}
