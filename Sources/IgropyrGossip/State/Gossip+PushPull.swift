internal import IgropyrTime

/// The exchange of whole states.
extension Gossip {
    func encodedState(isJoin: Bool) -> [UInt8] {
        PushPull.encode(isJoin: isJoin, nodes: nodes.all, userState: encodedUserState) { node, writer in
            node.announcement.encoded.write(incarnation: node.incarnation, state: node.state.rawValue, to: &writer)
        }
    }

    /// `isOurJoin`: Whether we asked to join: then past events are not for us.
    /// Returns false if it was refused as a whole, for its versions or by the ``AdmissionPolicy``.
    mutating func merge(_ remote: PushPull, isOurJoin: Bool, at now: Timestamp) -> Bool {
        guard isCompatible(remote.nodes) else {
            counters.incompatibleMerges += 1
            return false
        }
        guard admission?.merges(remote.nodes.compactMap(member)) != false else {
            counters.refusedMembers += 1
            return false
        }
        for node in remote.nodes { merge(node, at: now) }
        if !remote.userState.isEmpty { mergeUserState(remote.userState, isOurJoin: isOurJoin, at: now) }
        return true
    }

    /// Nil: merging it alone will refuse it.
    private func member(_ node: NodeState) -> Member? {
        guard let ip = node.address else { return nil }
        let status: Member.Status =
            switch Node.State(rawValue: node.state) {
            case .alive, .suspect: .alive
            case .left: .left
            case .dead, nil: .failed
            }
        let address = MemberAddress(ip, port: node.port == 0 ? address.port : node.port)
        return member(node.name, at: address, meta: node.meta, status: status)
    }

    /// A death out of a list is only a suspicion, so that the node can refute it.
    private mutating func merge(_ node: NodeState, at now: Timestamp) {
        switch Node.State(rawValue: node.state) {
        case .alive:
            let alive = Alive(
                incarnation: node.incarnation, node: node.name, address: node.address, port: node.port,
                meta: node.meta, versions: node.versions)
            handleAlive(alive, at: now)
        case .left:
            handleDead(Accusation(incarnation: node.incarnation, node: node.name, from: node.name), at: now)
        case .dead, .suspect:
            handleSuspect(Accusation(incarnation: node.incarnation, node: node.name, from: name), at: now)
        case nil: counters.malformed += 1
        }
    }

    /// Whether all alive nodes on both sides can speak what every node speaks now.
    private func isCompatible(_ remote: [NodeState]) -> Bool {
        var common = CommonVersions()
        for node in remote where node.state == Node.State.alive.rawValue {
            if let versions = node.versions { common.narrow(to: versions) }
        }
        for node in nodes.all where node.state == .alive { common.narrow(to: node.versions) }
        return remote.allSatisfy { common.includes($0.versions) }
            && nodes.all.allSatisfy { common.includes($0.versions) }
    }

    // MARK: - At our own initiative

    /// Longer in large clusters, so that the load stays the same.
    var pushPullInterval: Duration {
        guard nodes.count > 32 else { return settings.pushPullInterval }
        return settings.pushPullInterval * (Logarithm.binaryCeiling(nodes.count) - 5 + 1)
    }

    mutating func synchronize(at now: Timestamp) {
        guard
            let peer = nodes.sample(1, using: &random, where: { [name] in $0.state == .alive && $0.name != name }).first
        else { return }
        openStream(
            .synchronize, to: peer.address, encodedState(isJoin: false),
            deadline: now.advanced(by: settings.streamTimeout))
    }

    mutating func openJoin(to address: MemberAddress, at now: Timestamp) -> Bool {
        let deadline = now.advanced(by: settings.streamTimeout)
        return openStream(.join(address), to: address, encodedState(isJoin: true), deadline: deadline) != nil
    }
}
