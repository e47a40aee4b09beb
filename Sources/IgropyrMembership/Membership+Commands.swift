public import IgropyrGossip
internal import IgropyrTime
internal import IgropyrUV

/// What the application asks for.
extension Membership {
    public func updateTags(_ tags: [String: String]) throws(MembershipError) {
        try request { core, now throws(GossipError) in try core.updateTags(tags, at: now) }
    }

    /// Sends a small event to everybody, ourselves included.
    public func sendUserEvent(
        _ name: String, payload: [UInt8] = [], canCoalesce: Bool = false
    ) throws(MembershipError) {
        try request { core, now throws(GossipError) in
            try core.sendUserEvent(name, payload: payload, canCoalesce: canCoalesce, at: now)
        }
    }

    // MARK: - Without Serf

    public func updateMetadata(_ bytes: [UInt8]) throws(MembershipError) {
        try request { core, now throws(GossipError) in try core.updateMetadata(bytes, at: now) }
    }

    /// What other members get with each exchange of whole states from now on.
    public func setUserState(_ bytes: [UInt8]) throws(MembershipError) {
        try request { core, _ throws(GossipError) in
            try core.setUserState(bytes)
            return []
        }
    }

    /// Gossips a message to everybody; it may arrive several times.
    public func broadcastUserMessage(_ bytes: [UInt8]) throws(MembershipError) {
        try request { core, now throws(GossipError) in try core.broadcastUserMessage(bytes, at: now) }
    }

    /// Sends a message to one member: over TCP, or in a packet that may be lost.
    public func sendUserMessage(_ bytes: [UInt8], to name: String, isReliable: Bool = true) throws(MembershipError) {
        try request { core, now throws(GossipError) in
            try core.sendUserMessage(bytes, to: name, isReliable: isReliable, at: now)
        }
    }

    // MARK: - For operators

    /// Declares a failed member to have left; `isPruning`: and forgets it.
    public func forceLeave(_ name: String, isPruning: Bool = false) throws(MembershipError) {
        try request { core, now throws(GossipError) in try core.forceLeave(name, isPruning: isPruning, at: now) }
    }

    /// Answers a query that came as an event, once, in its time.
    public func respond(to id: Query.ID, with payload: [UInt8]) throws(MembershipError) {
        try request { core, now throws(GossipError) in try core.respond(to: id, with: payload, at: now) }
    }

    /// Asks every member, or those named, and waits for the timeout; nil is Serf's default, which grows with the
    /// cluster.
    public func query(
        _ name: String, payload: [UInt8] = [], to names: [String]? = nil, timeout: Duration? = nil
    ) async throws(MembershipError) -> QueryResult {
        var request = QueryRequest(name, payload: payload)
        request.names = names
        request.timeout = timeout
        var result = QueryResult()
        for await reply in try query(request).replies {
            switch reply {
            case .ack(let name): result.acks.insert(name)
            case .answer(let name, let payload): result.answers[name] = payload
            }
        }
        return result
    }

    /// Asks, and tells what comes back as it comes.
    public func query(_ request: QueryRequest) throws(MembershipError) -> RunningQuery {
        try run { core, now throws(GossipError) in try core.query(request, at: now) }
    }

    /// Asks every member for an ack: who can be reached.
    public func pingAll(relayFactor: Int = 0, timeout: Duration? = nil) throws(MembershipError) -> RunningQuery {
        try run { core, now throws(GossipError) in
            try core.pingAll(relayFactor: relayFactor, timeout: timeout, at: now)
        }
    }

    /// Has every member change its keyring, or tell it; the answers are ``IgropyrGossip/KeyResponse``s.
    public func changeKeys(
        _ operation: KeyOperation, relayFactor: Int = 0, timeout: Duration? = nil
    ) throws(MembershipError) -> RunningQuery {
        try run { core, now throws(GossipError) in
            try core.changeKeys(operation, relayFactor: relayFactor, timeout: timeout, at: now)
        }
    }

    private func run(
        _ ask: (inout Gossip, Timestamp) throws(GossipError) -> SentQuery
    ) throws(MembershipError) -> RunningQuery {
        guard core != nil else { throw .notRunning }
        let query: SentQuery
        do throws(GossipError) { query = try ask(&core!, EventLoop.preciseNow) } catch { throw MembershipError(error) }
        // Each member gives one reply of each kind.
        let (replies, continuation) = AsyncStream.makeStream(
            of: QueryReply.self, bufferingPolicy: .bufferingOldest(2 * configuration.settings.memberLimit))
        pendingQueries[query.id] = continuation
        continuation.onTermination = { [weak self] reason in
            if case .cancelled = reason { Task { await self?.cancel(query.id) } }
        }
        perform { _, _ in query.directives }
        return RunningQuery(asked: query.asked, replies: replies)
    }

    private func cancel(_ id: Query.ID) {
        pendingQueries[id] = nil
        core?.cancelQuery(id)
    }

    private func request(
        _ body: (inout Gossip, Timestamp) throws(GossipError) -> [Directive]
    ) throws(MembershipError) {
        guard core != nil else { throw .notRunning }
        do throws(GossipError) { try perform(body) } catch { throw MembershipError(error) }
    }
}
