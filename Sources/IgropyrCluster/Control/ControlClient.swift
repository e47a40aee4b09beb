internal import FoundationEssentials
internal import IgropyrHTTP
public import IgropyrOrchestration
internal import IgropyrText
internal import IgropyrTransport
public import IgropyrUV

/// Calls the control API of nodes: for agents among themselves, balancers and the command line.
public actor ControlClient: LoopBound {
    public nonisolated let loop: EventLoop
    private let hasKey: Bool
    private let requests: HTTPRequester
    /// For what may take long: an upload ends only when the node has checked the bundle.
    private let transfers: HTTPRequester
    private let user: String?
    private let currentKey: @Sendable () -> ClusterKey?

    /// Call it on the loop. `user` is for nodes' audit logs, `name@host`; nil for programs. `zone`: That of link-local
    /// addresses which name none, as nodes tell them of each other. `connectionsPerServer`: requests to one node at a
    /// time. `currentKey`: Asked when a node takes the key no more, as it may have been changed since; blocks, briefly.
    public init(
        on loop: EventLoop, key: ClusterKey?, user: String? = nil, zone: UInt32 = 0, connectionsPerServer: Int = 16,
        currentKey: @escaping @Sendable () -> ClusterKey? = { nil }
    ) throws(ControlError) {
        try self.init(
            on: loop, preSharedKey: key?.control, user: user, zone: zone, connectionsPerServer: connectionsPerServer,
            currentKey: currentKey)
    }

    /// For ``admission(by:)`` only.
    init(on loop: EventLoop, token: JoinToken) throws(ControlError) {
        try self.init(on: loop, preSharedKey: token.preSharedKey, user: nil, zone: 0, connectionsPerServer: 1) { nil }
    }

    private init(
        on loop: EventLoop, preSharedKey: PreSharedKey?, user: String?, zone: UInt32, connectionsPerServer: Int,
        currentKey: @escaping @Sendable () -> ClusterKey?
    ) throws(ControlError) {
        self.loop = loop
        self.user = user
        self.currentKey = currentKey
        hasKey = preSharedKey != nil
        var settings = HTTPClientSettings()
        settings.connectTimeout = .seconds(3)
        settings.responseTimeout = .seconds(4)
        settings.connectionsPerServer = connectionsPerServer
        settings.zone = zone
        var patient = settings
        patient.responseTimeout = .seconds(1800)
        do {
            let tls = try preSharedKey.map { try TLSContext.preSharedKey($0, role: .client) }
            requests = try HTTPRequester(on: loop, settings: settings, tls: tls)
            transfers = try HTTPRequester(on: loop, settings: patient, tls: tls)
        } catch { throw ControlError(.local, "\(error)") }
    }

    /// Idempotent.
    public func close() {
        requests.close()
        transfers.close()
    }

    /// Proves itself by another key from now on; only for a client that has one.
    public func use(_ key: ClusterKey) throws(ControlError) {
        guard hasKey else { return }
        do {
            let kind = HTTPConnectionKind(tls: try .preSharedKey(key.control, role: .client))
            requests.pool.kind = kind
            transfers.pool.kind = kind
        } catch { throw ControlError(.local, "\(error)") }
    }

    // MARK: - Calls

    public func status(of node: SocketAddress) async throws(ControlError) -> StatusReport {
        try await call(.init(.get, "/v1/status"), at: node)
    }

    public func applications(of node: SocketAddress) async throws(ControlError) -> [StatusReport.Application] {
        try await call(.init(.get, "/v1/applications"), at: node)
    }

    /// Deploys a bundle that a node has; see ``upload(_:from:to:progress:)``, in `ControlClient+Bundles`.
    public func deploy(
        _ name: ApplicationName, _ spec: DeploymentSpec, secrets: [String: [UInt8]] = [:], at node: SocketAddress
    ) async throws(ControlError) -> Deployment {
        var request = DeployRequest(name: name, spec: spec)
        if !secrets.isEmpty { request.secrets = secrets.mapValues { Data($0) } }
        return try await call(.init(.post, "/v1/applications", body: try JSON.encode(request)), at: node)
    }

    /// Gives one of its secrets a new value; its workers are replaced.
    public func setSecret(
        _ name: String, of application: ApplicationName, to value: [UInt8], at node: SocketAddress
    ) async throws(ControlError) {
        let body = try JSON.encode(SecretRequest(application: application, name: name, value: Data(value)))
        let _: DoneMessage = try await call(.init(.post, "/v1/secrets", body: body), at: node)
    }

    public func remove(_ name: ApplicationName, at node: SocketAddress) async throws(ControlError) -> Deployment {
        try await call(.init(.delete, "/v1/applications/\(name)"), at: node)
    }

    public func change(
        _ name: ApplicationName, _ change: ReplicatedState.Change, at node: SocketAddress
    ) async throws(ControlError) -> Deployment {
        let body = try JSON.encode(ChangeRequest(change: change))
        return try await call(.init(.post, "/v1/applications/\(name)/changes", body: body), at: node)
    }

    /// What is deployed under that name, and was before.
    public func deployment(_ name: ApplicationName, at node: SocketAddress) async throws(ControlError) -> Deployment {
        try await call(.init(.get, "/v1/applications/\(name)"), at: node)
    }

    /// Has the node that is asked take workers, or not.
    public func schedule(_ scheduling: Scheduling, at node: SocketAddress) async throws(ControlError) {
        let body = try JSON.encode(SchedulingRequest(scheduling: scheduling))
        let _: DoneMessage = try await call(.init(.post, "/v1/scheduling", body: body), at: node)
    }

    public func plan(_ request: PlanRequest, at node: SocketAddress) async throws(ControlError) -> PlanReport {
        try await call(.init(.post, "/v1/plan", body: try JSON.encode(request)), at: node)
    }

    public func top(of node: SocketAddress) async throws(ControlError) -> TopReport {
        try await call(.init(.get, "/v1/top"), at: node)
    }

    /// What the node's workers of an application have printed, the last `lines` of each; with `follow` until `onLine`
    /// returns false what they print then.
    public func logs(
        _ application: ApplicationName, index: Int?, lines: Int, follow: Bool, of node: SocketAddress,
        onLine: @escaping @Sendable (LogLine) -> Bool
    ) async throws(ControlError) {
        let request = LogsRequest(application: application, index: index, isFollowing: follow, lines: lines)
        try await self.lines(of: .init(.post, "/v1/logs", body: try JSON.encode(request)), at: node, onLine)
    }

    /// Runs a command beside a worker of the node, which ends it if `onLine` returns false or the task is cancelled.
    public func exec(
        _ command: [String], beside application: ApplicationName, index: Int?, of node: SocketAddress,
        onLine: @escaping @Sendable (ExecLine) -> Bool
    ) async throws(ControlError) {
        let request = ExecRequest(application: application, index: index, command: command)
        try await lines(of: .init(.post, "/v1/exec", body: try JSON.encode(request)), at: node, onLine)
    }

    /// What the node's workers of an application say to each other, until `onLine` returns false; after the line of
    /// that id, if the node still knows.
    func topics(
        of application: ApplicationName, after id: String?, at node: SocketAddress,
        onLine: @escaping @Sendable (TopicLine) -> Bool
    ) async throws(ControlError) {
        let body = try JSON.encode(TopicsRequest(application: application, after: id))
        try await lines(of: .init(.post, "/v1/topics", body: body), at: node, onLine)
    }

    public func audit(of node: SocketAddress) async throws(ControlError) -> AuditReport {
        try await call(.init(.get, "/v1/audit"), at: node)
    }

    /// The cluster's keys, for who has a token or one of them.
    func admission(by node: SocketAddress) async throws(ControlError) -> AdmissionAnswer {
        try await call(.init(.post, "/v1/admission"), at: node)
    }

    func exchange(_ message: StateExchange, with node: SocketAddress) async throws(ControlError) -> StateExchange {
        try await call(.init(.post, "/v1/state", body: try JSON.encode(message)), at: node)
    }

    // MARK: - Gossip

    public func members(of node: SocketAddress) async throws(ControlError) -> MembersReport {
        try await call(.init(.get, "/v1/members"), at: node)
    }

    public func coordinates(of node: SocketAddress) async throws(ControlError) -> CoordinatesReport {
        try await call(.init(.get, "/v1/coordinates"), at: node)
    }

    public func sendEvent(_ event: EventMessage, by node: SocketAddress) async throws(ControlError) {
        let _: DoneMessage = try await call(.init(.post, "/v1/events", body: try JSON.encode(event)), at: node)
    }

    public func forceLeave(_ message: ForceLeaveMessage, by node: SocketAddress) async throws(ControlError) {
        let _: DoneMessage = try await call(.init(.post, "/v1/force-leave", body: try JSON.encode(message)), at: node)
    }

    /// Has the node leave and stop; it says so before it begins.
    public func leave(_ node: SocketAddress) async throws(ControlError) {
        let _: DoneMessage = try await call(.init(.post, "/v1/leave"), at: node)
    }

    /// What happens in the cluster from now on, until `onLine` returns false, the task is cancelled or the node stops.
    public func events(
        of node: SocketAddress, onLine: @escaping @Sendable (EventLine) -> Bool
    ) async throws(ControlError) {
        try await lines(of: .init(.get, "/v1/events"), at: node, onLine)
    }

    /// Asks by the node; each line as it comes, until `onLine` returns false or the time is up.
    public func query(
        _ question: QuestionMessage, by node: SocketAddress, onLine: @escaping @Sendable (ReplyLine) -> Bool
    ) async throws(ControlError) {
        try await lines(of: .init(.post, "/v1/queries", body: try JSON.encode(question)), at: node, onLine)
    }

    /// The same for the keys of all members.
    public func keys(
        _ message: KeysMessage, by node: SocketAddress, onLine: @escaping @Sendable (ReplyLine) -> Bool
    ) async throws(ControlError) {
        try await lines(of: .init(.post, "/v1/keys", body: try JSON.encode(message)), at: node, onLine)
    }

    /// Of one line of a stream.
    private static let lineBytes = 4 << 20

    /// Thrown to end a stream whose rest is not wanted.
    private struct Enough: Error {}

    private func lines<Line: Decodable>(
        of request: HTTPRequester.Request, at node: SocketAddress, _ onLine: @escaping (Line) -> Bool
    ) async throws(ControlError) {
        var buffer: [UInt8] = []
        let request = request.asked(by: user)
        let response: HTTPRequester.Response
        do {
            let take = { (bytes: RawSpan) throws in
                buffer += bytes.array(in: 0..<bytes.byteCount)
                var start = 0
                while let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
                    let line = buffer[start..<end]
                    start = end + 1
                    guard !line.isEmpty else { continue }
                    guard onLine(try JSON.decode(Line.self, from: line)) else { throw Enough() }
                }
                buffer.removeFirst(start)
                guard buffer.count <= Self.lineBytes else {
                    throw ControlError(.unexpectedAnswer, "the node at \(node) sends a line without an end")
                }
            }
            response = try await keyed(for: node) {
                try await requests.send(request, to: node, onBody: take)
            }
        } catch is Enough {
            return
        } catch let error as DecodingError {
            throw Self.illegible(error, from: node)
        } catch { throw ControlError(error, from: node, hasKey: hasKey) }
        guard response.status / 100 == 2 else { throw unexpected(response, from: node) }
    }

    // MARK: - HTTP

    /// `isPatient`: the answer may take long.
    func call<Answer: Decodable>(
        _ request: HTTPRequester.Request, at node: SocketAddress, isPatient: Bool = false
    ) async throws(ControlError) -> Answer {
        let response = try await send(request, at: node, isPatient: isPatient)
        guard response.status / 100 == 2 else { throw unexpected(response, from: node) }
        do {
            return try JSON.decode(Answer.self, from: response.body)
        } catch { throw Self.illegible(error, from: node) }
    }

    private static func illegible(_ error: any Error, from node: SocketAddress) -> ControlError {
        ControlError(
            .unexpectedAnswer,
            "the node at \(node) gave an answer that this edition does not understand (\(JSON.cause(of: error)))")
    }

    func send(
        _ request: HTTPRequester.Request, at node: SocketAddress, limitBytes: Int = 4 * ControlAPI.messageBytes,
        isPatient: Bool = false
    ) async throws(ControlError) -> HTTPRequester.Response {
        let request = request.asked(by: user)
        do {
            let client = isPatient ? transfers : requests
            let response = try await keyed(for: node) {
                try await client.send(request, to: node, bodyLimit: limitBytes)
            }
            guard response.field(ControlAPI.versionField) != nil else {
                throw unexpected(response, from: node)
            }
            return response
        } catch { throw ControlError(error, from: node, hasKey: hasKey) }
    }

    /// Once more by the current key, where another does not fit: then nothing was asked yet.
    private func keyed<Result>(for node: SocketAddress, _ call: () async throws -> Result) async throws -> Result {
        do { return try await call() } catch {
            let failure = ControlError(error, from: node, hasKey: hasKey)
            guard hasKey, failure.code == .wrongKey, let key = currentKey() else { throw error }
            try use(key)
        }
        return try await call()
    }

    func unexpected(_ response: HTTPRequester.Response, from node: SocketAddress) -> ControlError {
        guard response.field(ControlAPI.versionField) != nil else {
            return ControlError(
                .unexpectedAnswer,
                "what answers at \(node) is no node's control API: its port is the gossip port and one")
        }
        let answer = try? JSON.decode(ErrorAnswer.self, from: response.body)
        return ControlError(
            .refused(status: response.status), answer?.error ?? "the node at \(node) answered \(response.status)")
    }
}

extension HTTPRequester.Request {
    /// With its user, and the edition of the control API that it is of.
    fileprivate func asked(by user: String?) -> HTTPRequester.Request {
        var request = self
        if let user { request.fields.append((ControlServer.userField, user)) }
        request.fields.append((ControlAPI.versionField, "\(ControlAPI.version)"))
        return request
    }
}
