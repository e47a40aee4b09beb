internal import IgropyrTime

/// The failure detector of small clusters; ``Verification`` says why it may judge so soon.
extension Gossip {
    /// Nil where memberlist's algorithm is to be used.
    var smallCluster: SmallClusterSettings? {
        guard let small = settings.smallCluster, nodes.count <= small.memberLimit else { return nil }
        return small
    }

    var probeInterval: Duration { smallCluster?.probeInterval ?? settings.probeInterval }
    var probeTimeout: Duration { smallCluster?.pingTimeout ?? settings.probeTimeout }
    var gossipInterval: Duration { smallCluster?.gossipInterval ?? settings.gossipInterval }

    private var pingTimeout: Duration { probeTimeout * (health.value + 1) }

    func isVerifying(_ name: String) -> Bool { verifications.contains { $0.node == name } }

    /// `firstPing`: When the probe was sent that found no answer; nil if others suspect the node.
    mutating func verify(_ name: String, sequence: UInt32? = nil, firstPing: Timestamp? = nil, at now: Timestamp) {
        guard !isVerifying(name) else { return }
        let number = sequence ?? nextSequence()
        verifications.append(Verification(of: name, sequence: number, firstPing: firstPing, at: now))
    }

    /// `isAlive`: Then its silence was the network's, which goes into the book.
    mutating func endVerification(of name: String, isAlive: Bool) {
        guard let index = verifications.firstIndex(where: { $0.node == name }) else { return }
        let ended = verifications.remove(at: index)
        guard isAlive else { return }
        closestCall = max(closestCall, ended.digits)
        if ended.attempts > 0 { lossBook.note(isAnswered: false, by: name) }
    }

    // MARK: - Answers

    /// Whether the answer is to one of these pings.
    mutating func handleVerificationAck(_ sequence: UInt32, at now: Timestamp) -> Bool {
        guard let index = verifications.firstIndex(where: { $0.sequence == sequence }) else { return false }
        let name = verifications[index].node
        lossBook.noteHeard(name, at: now)
        closestCall = max(closestCall, verifications[index].digits)
        if !verifications[index].hasAnswered {
            health.apply(-1)
            counters.probesSucceeded += 1
            if verifications[index].attempts > 0 { lossBook.note(isAnswered: false, by: name) }
        }
        verifications[index].noteAnswer(at: now)
        verifications[index].delayPing(until: now.advanced(by: probeInterval))
        if nodes[name]?.state == .alive { verifications.remove(at: index) }
        return true
    }

    mutating func handleVerificationNack(_ sequence: UInt32) {
        guard let index = verifications.firstIndex(where: { $0.sequence == sequence }) else { return }
        verifications[index].noteNack()
    }

    // MARK: - Time

    var verificationDeadline: Timestamp {
        guard !verifications.isEmpty, let small = settings.smallCluster else { return .distantFuture }
        return verifications.reduce(.distantFuture) {
            min($0, $1.deadline(pingTimeout: pingTimeout, silence: small.shortestSilence, at: lastTime))
        }
    }

    mutating func advanceVerifications(at now: Timestamp) {
        guard let small = settings.smallCluster else { return }
        for name in verifications.map(\.node) {
            guard let index = verifications.firstIndex(where: { $0.node == name }) else { continue }
            guard let node = nodes[name], !node.isGone else {
                endVerification(of: name, isAlive: false)
                continue
            }
            verifications[index].expirePings(sentUntil: now.advanced(by: .zero - pingTimeout))
            if !judge(verifications[index], node, small, at: now) { pingAgain(node, small, at: now) }
        }
    }

    /// True if the node is declared failed.
    private mutating func judge(
        _ verification: Verification, _ node: Node, _ small: SmallClusterSettings, at now: Timestamp
    ) -> Bool {
        let likelihood = lossBook.likelihood(ofSilenceBy: node.name, atLeast: small.leastLoss)
        let digits = Double(verification.attempts) * -Logarithm.decimal(likelihood)
        if let index = verifications.firstIndex(where: { $0.node == node.name }) {
            verifications[index].digits = digits
        }
        if digits >= Double(small.certaintyDigits), verification.start.duration(to: now) >= small.shortestSilence {
            counters.probesFailed += 1
            declareDead(node, at: now)
            return true
        }
        if verification.attempts > 0, verification.askedAt == nil { askOthers(about: node, at: now) }
        if digits >= Double(small.suspicionDigits), !verification.isAccused { accuse(node, at: now) }
        return false
    }

    private mutating func askOthers(about node: Node, at now: Timestamp) {
        guard let index = verifications.firstIndex(where: { $0.node == node.name }) else { return }
        let sequence = verifications[index].sequence
        let peers = sendIndirectPings(to: node, sequence: sequence)
        verifications[index].noteAsked(peers.count { $0.versions.sendsNacks }, at: now)
    }

    /// Tells the others, who ping it at once themselves, and tries by TCP, in case only datagrams are lost.
    private mutating func accuse(_ node: Node, at now: Timestamp) {
        guard let index = verifications.firstIndex(where: { $0.node == node.name }) else { return }
        verifications[index].isAccused = true
        let sequence = verifications[index].sequence
        let accusation = Accusation(incarnation: node.incarnation, node: node.name, from: name)
        handleSuspect(accusation, at: now)
        tellAll(accusation.encoded(as: .suspect))
        if node.versions.answersStreamPings {
            openPing(to: node, sequence: sequence, deadline: now.advanced(by: Self.streamPingTimeout))
        }
    }

    private static let streamPingTimeout = Duration.seconds(2)

    /// A suspect is told so each time, for it alone can clear itself.
    private mutating func pingAgain(_ node: Node, _ small: SmallClusterSettings, at now: Timestamp) {
        guard let index = verifications.firstIndex(where: { $0.node == node.name }),
            verifications[index].nextPing <= now
        else { return }
        let isWatched = verifications[index].hasAnswered && verifications[index].attempts == 0
        let spacing = isWatched ? small.probeInterval : health.stretched(small.pingSpacing)
        verifications[index].notePing(at: now, next: spacing)
        sendPing(to: node, sequence: verifications[index].sequence)
    }

    // MARK: - Doubts

    /// We were frozen, starved, or our clock leapt: what seemed silent may have answered, and is asked again.
    mutating func doubtOurselves(at now: Timestamp) {
        counters.lateTimeouts += 1
        health.apply(1)
        probe = nil
        forwardedPings = [:]
        for index in verifications.indices { verifications[index].restart(at: now) }
        for name in suspicions.keys { suspicions[name]?.restart(at: now) }
    }

    /// Whether somebody else's claim that a node is dead is to be doubted, since it has just answered us. A true one
    /// mostly comes no sooner than the shortest silence; that of a process killed can.
    func contradicts(_ accusation: Accusation, at now: Timestamp) -> Bool {
        guard let small = smallCluster, accusation.from != accusation.node, accusation.from != name else {
            return false
        }
        return lossBook.hasHeard(accusation.node, since: now.advanced(by: .zero - small.shortestSilence))
    }

    /// Such a claim is a suspicion. If it is true of a process that has only just ended, that host's kernel will tell.
    mutating func doubt(_ accusation: Accusation, about node: Node, at now: Timestamp) {
        let isNew = node.state == .alive
        handleSuspect(accusation, at: now)
        if isNew { checkListener(of: node, at: now) }
    }

    // MARK: - The failed

    /// Pings members that have failed: those that are there again hear that they are taken for dead, and deny it.
    mutating func reviveIfDue(at now: Timestamp) {
        guard let small = settings.smallCluster,
            Schedule.takeDue(&schedule.revival, every: small.revivalInterval, at: now), smallCluster != nil,
            !departure.isUnderway
        else { return }
        revivals = [:]
        let failed = serfMembers.all.filter { $0.status == .failed }
        for member in failed.shuffled(using: &random).prefix(small.revivalFanout) {
            let sequence = nextSequence()
            revivals[sequence] = member.name
            if let node = nodes[member.name] {
                sendPing(to: node, sequence: sequence)
            } else {
                send(
                    Ping(sequence: sequence, node: member.name, source: pingSource).encoded, to: member.address)
            }
        }
    }

    /// One that had failed answers. If it does not say by itself that it is alive, it has forgotten us, or we it.
    mutating func handleRevivalAck(_ sequence: UInt32, at now: Timestamp) -> Bool {
        guard let name = revivals.removeValue(forKey: sequence) else { return false }
        guard let member = serfMembers[name], member.status == .failed else { return true }
        openStream(
            .reconnect, to: member.address, encodedState(isJoin: true),
            deadline: now.advanced(by: settings.streamTimeout))
        return true
    }
}
