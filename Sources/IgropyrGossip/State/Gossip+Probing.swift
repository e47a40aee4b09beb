internal import IgropyrTime

/// Looking for failures (SWIM, with Lifeguard's health score).
extension Gossip {
    mutating func startProbe(at now: Timestamp) {
        guard probe == nil, let node = nextToProbe(at: now) else { return }
        let interval = settings.probeInterval * (health.value + 1)
        let sequence = nextSequence()
        probe = Probe(
            node: node.name, sequence: sequence, stage: .direct(until: now.advanced(by: settings.probeTimeout)),
            end: now.advanced(by: interval))
        coordinates.didPing(node.name, sequence: sequence, at: now)
        let ping = Ping(sequence: sequence, node: node.name, source: pingSource).encoded
        switch node.state {
        case .suspect:  // Tell it at once, so that it can refute.
            let accusation = Accusation(incarnation: node.incarnation, node: node.name, from: name)
            transmit(
                [ping, accusation.encoded(as: .suspect)], to: node.address,
                addsChecksum: node.versions.understandsChecksum)
        case .alive, .dead, .left: send(ping, to: node.address)
        }
    }

    private mutating func nextToProbe(at now: Timestamp) -> Node? {
        let isWanted = { [name] (node: Node) in node.name != name && !node.isGone }
        if let node = nodes.nextInRound(where: isWanted) { return node }
        forgetDeadNodes(at: now)
        nodes.startRound(using: &random)
        return nodes.nextInRound(where: isWanted)
    }

    /// Serf remembers them longer.
    private mutating func forgetDeadNodes(at now: Timestamp) {
        nodes.remove { [name, settings] node in
            node.isGone && node.name != name
                && node.stateChangedAt.duration(to: now) > settings.gossipToTheDead
        }
    }

    mutating func advanceProbe(at now: Timestamp) {
        guard let current = probe, current.deadline <= now else { return }
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
        let peers = nodes.sample(settings.indirectChecks, using: &random) { [name] peer in
            peer.state == .alive && peer.name != name && peer.name != node.name
        }
        current.stage = .indirect
        current.nacksExpected = peers.count { $0.versions.sendsNacks }
        probe = current
        for peer in peers {
            let request = IndirectPing(
                sequence: current.sequence, target: node.address.bytes, port: node.address.port, node: node.name,
                wantsNack: peer.versions.sendsNacks, source: pingSource)
            send(request.encoded, to: peer.address)
        }
        if node.versions.answersStreamPings {
            let ping = Ping(sequence: current.sequence, node: node.name, source: pingSource)
            openStream(.ping(sequence: current.sequence), to: node.address, ping.encoded, deadline: current.end)
        }
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
        let due = suspicions.filter { $0.value.deadline <= now }.keys.sorted()
        for suspect in due {
            guard let suspicion = suspicions.removeValue(forKey: suspect), let node = nodes[suspect],
                node.state == .suspect
            else { continue }
            handleDead(Accusation(incarnation: suspicion.incarnation, node: suspect, from: name), at: now)
        }
    }
}
