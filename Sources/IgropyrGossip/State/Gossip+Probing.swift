internal import IgropyrTime

/// Looking for failures (SWIM, with Lifeguard's health score).
extension Gossip {
    mutating func startProbe(at now: Timestamp) {
        guard probe == nil, let node = nextToProbe(at: now) else { return }
        let sequence = nextSequence()
        probe = Probe(
            node: node.name, sequence: sequence, start: now, stage: .direct(until: now.advanced(by: probeTimeout)),
            end: now.advanced(by: health.stretched(probeInterval)))
        coordinates.didPing(node.name, sequence: sequence, at: now)
        sendPing(to: node, sequence: sequence)
    }

    /// With what we have against it, so that it can deny it.
    mutating func sendPing(to node: Node, sequence: UInt32) {
        let ping = Ping(sequence: sequence, node: node.name, source: pingSource).encoded
        switch node.state {
        case .suspect, .dead:
            let accusation = Accusation(incarnation: node.incarnation, node: node.name, from: name)
            transmit(
                [ping, accusation.encoded(as: .suspect)], to: node.address,
                addsChecksum: node.versions.understandsChecksum)
        case .alive, .left: send(ping, to: node.address)
        }
    }

    private mutating func nextToProbe(at now: Timestamp) -> Node? {
        let isWanted = { [name, verifications] (node: Node) in
            !node.isGone && node.name != name && !verifications.contains { $0.node == node.name }
        }
        if let node = nodes.nextInRound(where: isWanted) { return node }
        forgetDeadNodes(at: now)
        if smallCluster == nil { nodes.startRound(using: &random) } else { nodes.repeatRound() }
        return nodes.nextInRound(where: isWanted)
    }

    /// Serf remembers them longer.
    private mutating func forgetDeadNodes(at now: Timestamp) {
        removeNodes { [name, settings] node in
            node.isGone && node.name != name
                && node.stateChangedAt.duration(to: now) > settings.gossipToTheDead
        }
    }

    mutating func removeNodes(where isRemoved: (Node) -> Bool) {
        for name in nodes.remove(where: isRemoved) {
            lossBook.forget(name)
            links.forgetPause(with: name)
        }
    }

    mutating func advanceProbe(at now: Timestamp) {
        guard let current = probe, current.deadline <= now else { return }
        guard smallCluster == nil else {
            probe = nil
            return verify(current.node, sequence: current.sequence, firstPing: current.start, at: now)
        }
        switch current.stage {
        case .direct where current.end > now: askOthers(at: now)
        case .direct, .indirect: failProbe(at: now)
        }
    }

    private mutating func askOthers(at now: Timestamp) {
        guard var current = probe, let node = nodes[current.node] else {
            probe = nil
            return
        }
        current.stage = .indirect
        let peers = sendIndirectPings(to: node, sequence: current.sequence)
        current.nacksExpected = peers.count { $0.versions.sendsNacks }
        probe = current
        if node.versions.answersStreamPings { openPing(to: node, sequence: current.sequence, deadline: current.end) }
    }

    /// Asks some others to ping the node. Returns whom.
    mutating func sendIndirectPings(to node: Node, sequence: UInt32) -> [Node] {
        let peers = nodes.sample(settings.indirectChecks, using: &random) { [name] peer in
            peer.state == .alive && peer.name != name && peer.name != node.name
        }
        for peer in peers {
            let request = IndirectPing(
                sequence: sequence, target: node.address.ip, port: node.address.port, node: node.name,
                wantsNack: peer.versions.sendsNacks, source: pingSource)
            send(request.encoded, to: peer.address)
        }
        return peers
    }

    /// By TCP.
    mutating func openPing(to node: Node, sequence: UInt32, deadline: Timestamp) {
        let ping = Ping(sequence: sequence, node: node.name, source: pingSource)
        openStream(.ping(sequence: sequence), to: node.address, ping.encoded, deadline: deadline)
    }

    private mutating func failProbe(at now: Timestamp) {
        guard let failed = probe else { return }
        probe = nil
        health.apply(failed.failurePenalty)
        counters.probesFailed += 1
        guard let node = nodes[failed.node] else { return }
        handleSuspect(Accusation(incarnation: node.incarnation, node: node.name, from: name), at: now)
    }

    mutating func expireSuspicions(at now: Timestamp) {
        guard !suspicions.isEmpty else { return }
        let due = suspicions.filter { $0.value.deadline <= now }.keys.sorted()
        for suspect in due {
            guard let suspicion = suspicions.removeValue(forKey: suspect), let node = nodes[suspect],
                node.state == .suspect
            else { continue }
            handleDead(Accusation(incarnation: suspicion.incarnation, node: suspect, from: name), at: now)
        }
    }
}
