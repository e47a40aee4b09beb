import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import TestSupport

/// A worker that tells what it has seen: Node.js, nginx, or the node's own server.
enum Witness: Sendable {
    case rival(RivalServer, name: String)
    case own(OwnWitness)

    var name: String {
        switch self {
        case .rival(_, let name): name
        case .own: "Igropyr"
        }
    }

    var seen: [SeenRequest] {
        switch self {
        case .rival(let server, _): server.seen
        case .own(let witness): witness.seen.withLock { $0 }
        }
    }
}

/// The node's server, which records what its handlers get.
actor OwnWitness: LoopBound {
    nonisolated let loop: EventLoop
    nonisolated let seen = Locked<[SeenRequest]>([])
    private let thread: EventLoopThread
    private var server: HTTPServer?

    init() throws {
        thread = try EventLoopThread(name: "witness")
        loop = thread.loop
    }

    func start(at address: SocketAddress) throws {
        var settings = HTTPServerSettings()
        (settings.idleTimeout, settings.headTimeout) = (.seconds(60), .seconds(60))
        let listener = try TCPListener(on: loop, binding: address)
        server = try HTTPServer(listener: listener, settings: settings, handler: WitnessHandler(self))
    }

    func stop() async throws {
        server?.close()
        server = nil
        try await thread.stop()
    }
}

private final class WitnessHandler: HTTPRequestHandler {
    let witness: OwnWitness

    init(_ witness: OwnWitness) { self.witness = witness }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        var fields: [String: String] = [:]
        head.forEachField(in: bytes) { name, value in
            let name = bytes.string(in: name).lowercased()
            let text = String(
                String.UnicodeScalarView(value.map { Unicode.Scalar(Span<UInt8>(_bytes: bytes)[$0]) }))
            guard SeenRequest.names.contains(name), !text.isEmpty else { return }
            fields[name] = fields[name].map { "\($0), \(text)" } ?? text
        }
        let request = SeenRequest(
            method: bytes.string(in: head.methodName), target: bytes.string(in: head.target), fields: fields, body: "")
        connection.exchange = WitnessExchange(witness, request, connection)
    }
}

private final class WitnessExchange: HTTPServerExchange {
    let witness: OwnWitness
    var request: SeenRequest
    let connection: any HTTPServerStream

    init(_ witness: OwnWitness, _ request: SeenRequest, _ connection: any HTTPServerStream) {
        self.witness = witness
        self.request = request
        self.connection = connection
    }

    func requestBodyDidArrive(_ bytes: RawSpan) {
        let text = Span<UInt8>(_bytes: bytes)
        for index in 0..<text.count { request.body.unicodeScalars.append(Unicode.Scalar(text[index])) }
    }

    func requestDidEnd() {
        let whole = request
        witness.seen.withLock { $0.append(whole) }
        try? connection.beginResponse(status: 200, framing: .length(0))
        connection.endHead()
    }

    func responseDidDrain() {}
    func clientDidAbort() {}
}
