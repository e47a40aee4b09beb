internal import IgropyrBundles
internal import IgropyrHTTP
internal import IgropyrOrchestration
internal import IgropyrTransport
internal import IgropyrUV

/// The HTTP side of a node's control API; stays on its loop. What is asked, the agent answers.
final class ControlServer: HTTPRequestHandler {
    /// The client's user, for the audit log.
    static let userField = "Igropyr-User"

    private let agent: HostAgent
    private let router: Router<ControlOperation>
    private let listener: TCPListener
    private let budget: TurnBudget
    private var server: HTTPServer?

    /// Begins to accept at once.
    init(listener: TCPListener, tls: TLSContext?, agent: HostAgent) throws(UVError) {
        self.agent = agent
        budget = TurnBudget(on: agent.loop)
        self.listener = listener
        router = Self.makeRouter()
        var settings = HTTPServerSettings()
        // A hundred hosts may fetch a bundle from one, each over several, and listen to each application's topics.
        settings.connections = 4096
        // A part of them, since whoever reaches the port may hold connections until their handshake is due.
        let clients = ClientLimit(connections: settings.connections / 8)
        settings.idleTimeout = .seconds(15)
        settings.http2.isEnabled = false  // Its only clients are nodes.
        settings.allowsHalfClosure = false  // They wait for the answer, or have gone.
        server = try HTTPServer(listener: listener, settings: settings, tls: tls, clients: clients, handler: self)
    }

    /// Another descriptor of the listening socket, which the caller then owns.
    func duplicateSocket() throws(UVError) -> Int32 { try listener.duplicateSocket() }

    /// Requests under way may finish within the time-out. Lets go of the agent.
    func stop(within timeout: Duration) async {
        guard let server else { return }
        await server.drain(timeout: timeout)
        server.close()
        self.server = nil
    }

    /// What clients must hold from their next request on; what is under way goes on.
    func use(_ tls: TLSContext) {
        server?.tls = tls
        server?.retireConnections()
    }

    /// Connections that were closed for what they sent, or did not send, or how many they were.
    var refusedConnections: UInt64 {
        guard let counters = server?.counters else { return 0 }
        return counters.failedConnections &+ counters.failedHandshakes &+ counters.handshakeTimeouts
            &+ counters.refusedConnections &+ counters.refusedRequests
    }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        guard !WebPageRequest.isOne(head, bytes) else {
            return ControlReply.refusal(
                403, "the control API takes no requests of web pages: ask by the node's address, and not from a browser"
            ).send(on: connection)
        }
        if let version = head.value(of: ControlAPI.versionField, in: bytes).map({ bytes.string(in: $0) }),
            version != "\(ControlAPI.version)"
        {
            return ControlReply.refusal(
                400,
                "the request's version is \(version.prefix(20)), this node knows \(ControlAPI.version): use one edition"
            ).send(on: connection)
        }
        do throws(HTTPError) {
            switch try router.find(head.method, path: head.path, in: bytes) {
            case .found(let operation, let found):
                guard connection.issuedKeyName == nil || operation == .message(.admission) else {
                    return ControlReply.refusal(403, "a join token lets a host in, and does nothing else")
                        .send(on: connection)
                }
                var parameters: [String] = []
                for parameter in found {
                    parameters.append(try PercentEncoding.decodeString(parameter.range, in: bytes))
                }
                perform(operation, parameters, by: caller(head, bytes, connection), on: connection)
            case .methodNotAllowed(let methods):
                ControlReply.refusal(405, "this path takes \(methods.allow) only")
                    .send(on: connection, allow: methods.allow)
            case .notFound:
                let path = bytes.string(in: head.path).prefix(200)
                ControlReply.refusal(404, "there is no \(path) in the control API, version \(ControlAPI.version)")
                    .send(on: connection)
            }
        } catch {
            ControlReply.refusal(error.status, "the path is malformed (\(error))").send(on: connection)
        }
    }

    private func caller(_ head: MessageHead, _ bytes: RawSpan, _ connection: any HTTPServerStream) -> Caller {
        let user = head.value(of: Self.userField, in: bytes).map { bytes.string(in: $0) }
        return Caller(
            user: user.map { WorkerRecord.message(from: String($0.prefix(128))) },
            address: connection.peerAddress.map { "\($0)" })
    }

    private func perform(
        _ operation: ControlOperation, _ parameters: [String], by caller: Caller, on connection: any HTTPServerStream
    ) {
        let (agent, budget, limitBytes) = (agent, budget, operation.limitBytes)
        let digest = parameters.first.flatMap(BundleDigest.init(rawValue:))
        switch operation {
        case .message(let message):
            let parameter = message == .admission ? connection.issuedKeyName : parameters.first
            connection.exchange = MessageExchange(limitBytes: limitBytes, within: budget, on: connection) { body in
                await agent.reply(to: message, parameter ?? "", body, by: caller)
            }
        case .stream(let stream):
            connection.exchange = LineExchange(limitBytes: limitBytes, on: connection) { body in
                await agent.lines(for: stream, body, by: caller)
            }
        case .bundle(let transfer):
            guard let digest else { return refuseDigest(on: connection) }
            connection.exchange = MessageExchange(limitBytes: limitBytes, within: budget, on: connection) { body in
                await agent.reply(to: transfer, digest, body)
            }
        case .chunk(let transfer):
            guard let digest, let chunk = ChunkDigest(hexadecimal: parameters[1]) else {
                return refuseDigest(on: connection)
            }
            connection.exchange = MessageExchange(limitBytes: limitBytes, within: budget, on: connection) { body in
                await agent.reply(to: transfer, chunk, of: digest, body)
            }
        }
    }

    private func refuseDigest(on connection: any HTTPServerStream) {
        ControlReply.refusal(404, "bundles and chunks are named by 64 hexadecimal digits, their SHA-256")
            .send(on: connection)
    }

    private static func makeRouter() -> Router<ControlOperation> {
        var router = Router<ControlOperation>()
        for operation in ControlOperation.all {
            let (method, pattern) = operation.route
            do {
                try router.add(method, PathPattern(pattern), operation)
            } catch { preconditionFailure("\(error)") }
        }
        return router
    }
}
