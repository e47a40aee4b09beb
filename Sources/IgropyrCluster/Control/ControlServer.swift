internal import IgropyrBundles
internal import IgropyrHTTP
internal import IgropyrOrchestration
internal import IgropyrTransport
internal import IgropyrUV

/// The HTTP side of a node's control API; stays on its loop. What is asked, the agent answers.
final class ControlServer: HTTPRequestHandler {
    enum Operation: CaseIterable {
        case status, state, exchange, applications, deploy, remove
        case bundleIndex, offerBundle, chunkHoldings, fetchChunk, storeChunk
        case members, coordinates, sendEvent, forceLeave, leave, setSecret
        case events, query, keys
        case change, history, schedule, plan, audit, top
        case logs, exec
        case admission

        /// Whether a node that stops refuses it.
        var isChange: Bool { isDecision || self == .schedule }

        /// Whether it makes an entry that all hosts are to take.
        var isDecision: Bool { self == .deploy || self == .remove || self == .change || self == .setSecret }
    }

    /// The client's user, for the audit log.
    static let userField = "Igropyr-User"

    private let agent: HostAgent
    private let router: Router<Operation>
    private let listener: TCPListener
    private var server: HTTPServer?

    /// Begins to accept at once.
    init(listener: TCPListener, tls: TLSContext?, agent: HostAgent) throws(UVError) {
        self.agent = agent
        self.listener = listener
        router = Self.makeRouter()
        var settings = HTTPServerSettings()
        settings.connections = 1024  // A hundred hosts may fetch a bundle from one, each over several.
        settings.idleTimeout = .seconds(15)
        settings.http2.isEnabled = false  // Its only clients are nodes.
        settings.allowsHalfClosure = false  // They wait for the answer, or have gone.
        server = try HTTPServer(listener: listener, settings: settings, tls: tls, handler: self)
    }

    /// Another descriptor of the listening socket, which the caller then owns.
    func duplicateSocket() throws(UVError) -> Int32 { try listener.duplicateSocket() }

    /// Requests under way may finish within the time-out. Lets go of the agent.
    func stop(within timeout: Duration) async {
        guard let server else { return }
        await withCheckedContinuation { continuation in
            server.drain(timeout: timeout) { continuation.resume() }
        }
        server.close()
        self.server = nil
    }

    /// What clients must hold from their next request on; what is under way goes on.
    func use(_ tls: TLSContext) {
        server?.tls = tls
        server?.retireConnections()
    }

    /// Connections that were closed for what they sent.
    var refusedConnections: UInt64 {
        guard let counters = server?.counters else { return 0 }
        return counters.failedConnections &+ counters.failedHandshakes &+ counters.refusedRequests
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
                guard connection.issuedKeyName == nil || operation == .admission else {
                    return ControlReply.refusal(403, "a join token lets a host in, and does nothing else")
                        .send(on: connection)
                }
                var parameters: [String] = []
                for parameter in found {
                    parameters.append(try PercentEncoding.decodeString(parameter.range, in: bytes))
                }
                perform(operation, parameters, head, by: caller(head, bytes, connection), on: connection)
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
        _ operation: Operation, _ parameters: [String], _ head: MessageHead, by caller: Caller,
        on connection: any HTTPServerStream
    ) {
        let parameter = parameters.first ?? ""
        switch operation {
        case .status, .state, .applications, .remove, .members, .coordinates, .leave, .history, .audit, .top:
            collect(operation, parameter, by: caller, limitBytes: 0, on: connection)
        case .admission:
            collect(operation, connection.issuedKeyName ?? "", by: caller, limitBytes: 0, on: connection)
        case .sendEvent, .forceLeave, .change, .schedule, .setSecret:
            collect(operation, parameter, by: caller, limitBytes: 64 << 10, on: connection)
        case .events, .query, .keys, .logs, .exec:
            connection.exchange = LineExchange(limitBytes: 64 << 10, on: connection) { [agent] body in
                await agent.lines(for: operation, body, by: caller)
            }
        case .deploy, .plan: collect(operation, parameter, by: caller, limitBytes: 1 << 20, on: connection)
        case .exchange:
            collect(operation, parameter, by: caller, limitBytes: ControlAPI.messageBytes, on: connection)
        case .bundleIndex, .offerBundle, .chunkHoldings, .fetchChunk, .storeChunk:
            transfer(operation, parameters, on: connection)
        }
    }

    private func collect(
        _ operation: Operation, _ parameter: String, by caller: Caller, limitBytes: Int,
        on connection: any HTTPServerStream
    ) {
        connection.exchange = MessageExchange(limitBytes: limitBytes, on: connection) { [agent] body in
            await agent.reply(to: operation, parameter, body, by: caller)
        }
    }

    private func transfer(_ operation: Operation, _ parameters: [String], on connection: any HTTPServerStream) {
        let chunk = parameters.dropFirst().first.map(ChunkDigest.init(hexadecimal:))
        guard let digest = parameters.first.flatMap(BundleDigest.init(rawValue:)), chunk != .some(nil) else {
            return ControlReply.refusal(404, "bundles and chunks are named by 64 hexadecimal digits, their SHA-256")
                .send(on: connection)
        }
        let limitBytes =
            switch operation {
            case .offerBundle: BundleIndex.limitBytes
            case .storeChunk: ContentChunker.maximumBytes
            default: 0
            }
        connection.exchange = MessageExchange(limitBytes: limitBytes, on: connection) { [agent] body in
            await agent.reply(to: operation, digest, chunk ?? nil, body)
        }
    }

    private static func makeRouter() -> Router<Operation> {
        var router = Router<Operation>()
        for operation in Operation.allCases {
            let (method, pattern) = operation.route
            do {
                try router.add(method, PathPattern(pattern), operation)
            } catch { preconditionFailure("\(error)") }
        }
        return router
    }
}

extension ControlServer.Operation {
    fileprivate var route: (HTTPMethod, String) {
        switch self {
        case .status: (.get, "/v1/status")
        case .state: (.get, "/v1/state")
        case .exchange: (.post, "/v1/state")
        case .applications: (.get, "/v1/applications")
        case .deploy: (.post, "/v1/applications")
        case .remove: (.delete, "/v1/applications/:name")
        case .bundleIndex: (.get, "/v1/bundles/:digest")
        case .offerBundle: (.put, "/v1/bundles/:digest")
        case .chunkHoldings: (.get, "/v1/bundles/:digest/chunks")
        case .fetchChunk: (.get, "/v1/bundles/:digest/chunks/:chunk")
        case .storeChunk: (.put, "/v1/bundles/:digest/chunks/:chunk")
        case .members: (.get, "/v1/members")
        case .coordinates: (.get, "/v1/coordinates")
        case .events: (.get, "/v1/events")
        case .sendEvent: (.post, "/v1/events")
        case .query: (.post, "/v1/queries")
        case .keys: (.post, "/v1/keys")
        case .forceLeave: (.post, "/v1/force-leave")
        case .leave: (.post, "/v1/leave")
        case .setSecret: (.post, "/v1/secrets")
        case .change: (.post, "/v1/applications/:name/changes")
        case .history: (.get, "/v1/applications/:name")
        case .schedule: (.post, "/v1/scheduling")
        case .plan: (.post, "/v1/plan")
        case .audit: (.get, "/v1/audit")
        case .top: (.get, "/v1/top")
        case .logs: (.post, "/v1/logs")
        case .exec: (.post, "/v1/exec")
        case .admission: (.post, "/v1/admission")
        }
    }
}
