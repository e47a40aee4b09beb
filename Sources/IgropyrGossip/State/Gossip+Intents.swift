public import IgropyrTime

/// Who announced to join or to leave.
extension Gossip {
    /// Returns whether it is news, to be passed on.
    mutating func handleIntent(_ intent: Intent, at now: Timestamp) -> Bool {
        guard !intent.node.isEmpty, witness(intent.time, on: \.memberClock) else { return false }
        guard let member = serfMembers[intent.node] else { return intents.add(intent, at: now) }
        guard intent.time > member.statusTime else { return false }
        switch intent.kind {
        case .join: handleJoinIntent(intent, about: member)
        case .leave:
            if isOurselves(intent.node), !departure.isUnderway {
                announceJoin()
                return false
            }
            handleLeaveIntent(intent, about: member, at: now)
        }
        return true
    }

    private mutating func handleJoinIntent(_ intent: Intent, about known: SerfMember) {
        var member = known
        member.statusTime = intent.time
        member.isToBeForgotten = false
        if member.status == .leaving { member.status = .alive }
        serfMembers[member.name] = member
    }

    private mutating func handleLeaveIntent(_ intent: Intent, about known: SerfMember, at now: Timestamp) {
        var member = known
        member.statusTime = intent.time
        switch member.status {
        case .alive: member.status = .leaving
        case .failed:
            member.status = .left
            member.goneAt = now
        case .leaving, .left: break
        }
        member.isToBeForgotten = intent.isPrune && !isOurselves(member.name)
        serfMembers[member.name] = member
        if known.status == .failed { report(.left, member) }
        if intent.isPrune, member.status == .left { forget(member) }
    }

    mutating func forget(_ member: SerfMember) {
        serfMembers[member.name] = nil
        coordinates.forget(member.name)
        removeNodes { $0.name == member.name && $0.isGone }
        report(.reaped, member)
    }

    /// After a join, and when somebody claims that we leave.
    mutating func announceJoin() {
        guard delegate.isSerf, !departure.isUnderway else { return }
        let time = memberClock.tick()
        serfMembers[name]?.statusTime = time
        announce(Intent(kind: .join, time: time, node: name).encoded, in: \.intentBroadcasts)
    }

    // MARK: - Commands

    /// Joins the cluster by any member of it. Each address ends in ``Directive/didJoin(_:)`` or
    /// ``Directive/joinFailed(_:_:)``.
    public mutating func join(_ addresses: [MemberAddress], at now: Timestamp) -> [Directive] {
        for address in addresses where address != self.address {
            if departure.isUnderway || !openJoin(to: address, at: now) {
                directives.append(.joinFailed(address, .unreachable("too many exchanges, or leaving")))
            }
        }
        return takeDirectives(at: now)
    }

    /// Leaves for good: everybody will know that we left and did not fail. Ends in ``Directive/leaveCompleted``, after
    /// some seconds at most; go on with datagrams, streams and timeouts until then.
    public mutating func leave(at now: Timestamp) -> [Directive] {
        guard !departure.isUnderway else { return takeDirectives(at: now) }
        serfMembers[name]?.status = .leaving
        if let id = announceLeave(at: now) {
            departure = .announcing(id, until: now.advanced(by: settings.broadcastTimeout))
        } else {
            sayGoodbye(at: now)
        }
        return takeDirectives(at: now)
    }

    /// Returns nil if there is nobody to tell, or nothing, without Serf.
    private mutating func announceLeave(at now: Timestamp) -> BroadcastQueue.ID? {
        let time = memberClock.tick()
        serfMembers[name]?.statusTime = time
        guard delegate.isSerf, hasListeners(at: now) else { return nil }
        return announce(Intent(kind: .leave, time: time, node: name).encoded, in: \.intentBroadcasts)
    }

    mutating func advanceDeparture(at now: Timestamp) {
        switch departure {
        case .announcing(let id, let until) where now >= until || !intentBroadcasts.contains(id): sayGoodbye(at: now)
        case .sayingGoodbye(let id, let until) where now >= until || !nodeBroadcasts.contains(id):
            departure = .lingering(until: now.advanced(by: settings.leavePropagateDelay))
        case .lingering(let until) where now >= until:
            departure = .departed
            directives.append(.leaveCompleted)
        case .none, .announcing, .sayingGoodbye, .lingering, .departed: break
        }
    }

    private mutating func sayGoodbye(at now: Timestamp) {
        let goodbye = Accusation(incarnation: incarnation, node: name, from: name)
        departure = .lingering(until: now)
        handleDead(goodbye, at: now)
        guard hasListeners(at: now) else { return advanceDeparture(at: now) }
        // Once more, as a later one: whoever took us for failed, and then for alive again, has by now forgotten the
        // first.
        _ = announceLeave(at: now)
        let id = broadcast(goodbye.encoded(as: .dead), about: name)
        tellAll(goodbye.encoded(as: .dead))
        departure = .sayingGoodbye(id, until: now.advanced(by: settings.broadcastTimeout))
    }

    /// Declares a failed member to have left, so that nobody tries to reconnect to it.
    /// `isPruning`: Forget it, too.
    public mutating func forceLeave(
        _ name: String, isPruning: Bool = false, at now: Timestamp
    ) throws(GossipError) -> [Directive] {
        try requireSerf()
        guard !departure.isUnderway else { throw .leaving }
        guard serfMembers[name] != nil, !isOurselves(name) else { throw .unknownMember(name) }
        let intent = Intent(kind: .leave, time: memberClock.tick(), node: name, isPrune: isPruning)
        if handleIntent(intent, at: now) { announce(intent.encoded, in: \.intentBroadcasts) }
        return takeDirectives(at: now)
    }

    public mutating func updateTags(_ tags: [String: String], at now: Timestamp) throws(GossipError) -> [Directive] {
        try requireSerf()
        guard !departure.isUnderway else { throw .leaving }
        guard let meta = Tags.encode(tags) else { throw .tagsTooLarge }
        announce(meta: meta, tags: tags)
        return takeDirectives(at: now)
    }

    mutating func announce(meta: [UInt8], tags: [String: String] = [:]) {
        guard var node = nodes[name], node.meta != meta else { return }
        node.announcement = Announcement(
            name: name, address: address, meta: meta, tags: tags, versions: node.versions)
        serfMembers[name]?.announcement = node.announcement
        nodes.update(node)
        raiseIncarnation()
        announceOurselves()
    }

    // MARK: - Regular duties

    mutating func reap(at now: Timestamp) {
        for member in serfMembers.all where member.goneAt != nil {
            guard let goneAt = member.goneAt, !isOurselves(member.name) else { continue }
            let limit = member.status == .failed ? settings.reconnectTimeout : settings.tombstoneTimeout
            if goneAt.duration(to: now) > limit { forget(member) }
        }
        intents.removeAll(receivedBefore: now.advanced(by: .zero - settings.recentIntentTimeout))
        receivedQueries = receivedQueries.filter { $0.value.deadline > now }
    }

    /// Tries a failed member again, the likelier the more there are: heals partitions.
    mutating func reconnect(at now: Timestamp) {
        let failed = serfMembers.all.filter { $0.status == .failed }
        guard !departure.isUnderway, let target = failed.randomElement(using: &random) else { return }
        let alive = serfMembers.all.count { $0.status == .alive }
        guard Double.random(in: 0..<1, using: &random) < Double(failed.count) / Double(max(1, alive)) else { return }
        openStream(
            .reconnect, to: target.address, encodedState(isJoin: true),
            deadline: now.advanced(by: settings.streamTimeout))
    }
}
