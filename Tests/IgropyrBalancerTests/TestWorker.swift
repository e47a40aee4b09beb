import Glibc
import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import TestSupport

/// A worker on a loop of its own, made with the real server.
actor TestWorker: LoopBound {
    /// What a request looked like when it got there.
    struct Seen: Sendable {
        var method: String
        var target: String
        var fields: [(name: String, value: String)]
        var framing: MessageHead.Framing
        /// Whose request it is, as far as the connection tells.
        var client: SocketAddress?
        var isEncrypted = false

        func values(_ name: String) -> [String] {
            fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
        }
    }

    /// What befalls requests instead of an answer.
    enum Mood: Sendable { case answers, resets, resetsReused, hangs, ignoresBodies, refusesBodies, fails }

    nonisolated let loop: EventLoop
    nonisolated let name: String
    nonisolated let seen = Locked<[Seen]>([])
    nonisolated let mood = Locked(Mood.answers)
    /// Bytes of responses' bodies that the server took.
    nonisolated let sentBytes = Locked(0)
    nonisolated let receivedBytes = Locked(0)
    nonisolated let aborts = Locked(0)
    nonisolated let address: SocketAddress
    private let thread: EventLoopThread
    private var server: HTTPServer?
    private let descriptor: Int32
    /// Stays taken when the worker is killed.
    private let port: ReservedPort

    init(_ name: String, on host: String = "127.0.0.1", port: UInt16 = 0) throws {
        self.name = name
        thread = try EventLoopThread(name: name)
        loop = thread.loop
        self.port = try ReservedPort(on: host, port: port)
        address = self.port.address
        descriptor = try ListeningSocket.open(address)
    }

    func start(_ settings: HTTPServerSettings = HTTPServerSettings(), tls: TLSContext? = nil) throws {
        let listener = try TCPListener(on: loop, owning: descriptor)
        server = try HTTPServer(listener: listener, settings: settings, tls: tls, handler: WorkerHandler(self))
    }

    var requestCount: Int { seen.withLock { $0.count } }
    var connectionCount: Int { server?.connectionCount ?? 0 }

    /// As `kill -9` does: connections are cut, new ones refused.
    func kill() {
        // A program that another test is just starting may have the socket, too, until it has become itself: closed
        // only, it would go on to take connections there.
        if server != nil { shutdown(descriptor, Int32(SHUT_RDWR)) }
        server?.close()
        server = nil
    }

    nonisolated func stop() async throws {
        await kill()
        try await thread.stop()
    }
}

private final class WorkerHandler: HTTPRequestHandler {
    let worker: TestWorker

    init(_ worker: TestWorker) { self.worker = worker }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        var seen = TestWorker.Seen(
            method: bytes.string(in: head.methodName), target: bytes.string(in: head.target), fields: [],
            framing: head.framing, client: connection.peerAddress, isEncrypted: connection.isEncrypted)
        head.forEachField(in: bytes) { seen.fields.append((bytes.string(in: $0), bytes.string(in: $1))) }
        let request = seen
        let isReused = worker.seen.withLock { seen in
            defer { seen.append(request) }
            return seen.contains { $0.client == request.client }
        }
        switch worker.mood.withLock({ $0 }) {
        case .resets: return connection.abort()
        case .resetsReused: if isReused { return connection.abort() }
        case .hangs:
            connection.exchange = WorkerExchange(worker, request, connection)
            return
        case .ignoresBodies:
            connection.exchange = WorkerExchange(worker, request, connection)
            return connection.pauseBody()
        case .refusesBodies:
            try? connection.beginResponse(status: 413, framing: .length(0))
            return connection.endHead()
        case .fails:
            try? connection.beginResponse(status: 503, framing: .length(0))
            return connection.endHead()
        case .answers: break
        }
        let exchange = WorkerExchange(worker, request, connection)
        exchange.isAnswering = true
        connection.exchange = exchange
    }
}

/// Answers by the target: `/count…` says how long the request's body was and what it added up to, `/big/N` sends N
/// bytes, `/text/N` says that they are text, `/cut` and `/cut-chunked` end in the middle, `/event` goes on for ever,
/// `/status/N` has no body, `/fields` has fields of all kinds.
private final class WorkerExchange: HTTPServerExchange {
    let worker: TestWorker
    let request: TestWorker.Seen
    let connection: any HTTPServerStream
    var isAnswering = false
    var bodyBytes = 0
    var bodySum: UInt64 = 0
    var left = 0
    private static let piece = [UInt8](repeating: 0x61, count: 32 << 10)

    init(_ worker: TestWorker, _ request: TestWorker.Seen, _ connection: any HTTPServerStream) {
        self.worker = worker
        self.request = request
        self.connection = connection
    }

    func requestBodyDidArrive(_ bytes: RawSpan) {
        bodyBytes += bytes.byteCount
        let count = bytes.byteCount
        worker.receivedBytes.withLock { $0 += count }
        let text = Span<UInt8>(_bytes: bytes)
        for index in 0..<text.count { bodySum = bodySum &* 31 &+ UInt64(text[index]) }
    }

    func requestDidEnd() {
        guard isAnswering else { return }
        do { try answer() } catch { connection.abort() }
    }

    private func answer() throws {
        let path = request.target.split(separator: "?")[0]
        if path.hasPrefix("/count") {
            try respond("\(bodyBytes) \(bodySum)")
        } else if path.hasPrefix("/big/") || path.hasPrefix("/text/") {
            left = Int(path.split(separator: "/")[1]) ?? 0
            try connection.beginResponse(status: 200, framing: .length(UInt64(left)))
            if path.hasPrefix("/text/") { try connection.appendField("Content-Type", "text/plain") }
            connection.endHead()
            responseDidDrain()
        } else if path == "/chunked" {
            try connection.beginResponse(status: 200, framing: .chunked)
            connection.endHead()
            for part in ["one ", "two ", "three"] { connection.sendBody(Array(part.utf8).span.bytes) }
            connection.endResponse()
        } else if path == "/event" {
            try connection.beginResponse(status: 200, framing: .chunked)
            try connection.appendField("Content-Type", "text/event-stream")
            connection.endHead()
            connection.sendBody(Array("data: a\n\n".utf8).span.bytes)
            connection.flush()
        } else if path == "/cut" || path == "/cut-chunked" {
            try connection.beginResponse(status: 200, framing: path == "/cut" ? .length(100) : .chunked)
            connection.endHead()
            connection.sendBody(Array("begun".utf8).span.bytes)
            connection.flush()
            connection.abort()
        } else if path.hasPrefix("/status/") {
            try connection.beginResponse(status: Int(path.dropFirst(8)) ?? 500, framing: .length(0))
            connection.endHead()
        } else if path == "/fields" {
            try connection.beginResponse(status: 200, framing: .length(0))
            for (name, value) in [
                ("Connection", "X-Private"), ("Keep-Alive", "timeout=5"), ("X-Private", "1"), ("Upgrade", "h2c"),
                ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Proxy-Connection", "close"), ("X-Public", "yes"),
            ] { try connection.appendField(name, value) }
            connection.endHead()
        } else {
            try respond(worker.name)
        }
    }

    private func respond(_ text: String) throws {
        try connection.beginResponse(status: 200, framing: .length(UInt64(text.utf8.count)))
        try connection.appendField("X-Worker", worker.name)
        connection.endHead()
        connection.sendBody(Array(text.utf8).span.bytes)
    }

    func responseDidDrain() {
        while left > 0, connection.canWrite {
            let count = min(left, Self.piece.count)
            left -= count
            worker.sentBytes.withLock { $0 += count }
            connection.sendBody(Self.piece.span.bytes.extracting(0..<count))
        }
    }

    func clientDidAbort() { worker.aborts.withLock { $0 += 1 } }
}
