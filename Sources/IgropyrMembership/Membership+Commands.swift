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

    /// Asks every member, or those named, and waits for the timeout; nil is Serf's default, which grows with the cluster.
    public func query(
        _ name: String, payload: [UInt8] = [], to names: [String]? = nil, timeout: Duration? = nil
    ) async throws(MembershipError) -> QueryResult {
        guard core != nil else { throw .notRunning }
        let asked: (id: Query.ID, directives: [Directive])
        do throws(GossipError) {
            asked = try core!.query(name, payload: payload, to: names, timeout: timeout, at: EventLoop.preciseNow)
        } catch {
            throw MembershipError(error)
        }
        return await withCheckedContinuation { continuation in
            guard core != nil else { return continuation.resume(returning: QueryResult()) }  // Shut down meanwhile.
            pendingQueries[asked.id] = PendingQuery(continuation: continuation)
            perform { _, _ in asked.directives }
        }
    }

    private func request(
        _ body: (inout Gossip, Timestamp) throws(GossipError) -> [Directive]
    ) throws(MembershipError) {
        guard core != nil else { throw .notRunning }
        do throws(GossipError) { try perform(body) } catch { throw MembershipError(error) }
    }
}
