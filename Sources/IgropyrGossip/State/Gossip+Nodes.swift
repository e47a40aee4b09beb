internal import IgropyrTime

/// The rules of memberlist's node table: which claim beats which.
extension Gossip {
    // MARK: - Alive

    mutating func handleAlive(_ alive: Alive, at now: Timestamp) {
        let isOurs = alive.node == name
        guard !(isOurs && departure.isUnderway) else { return }
        guard !alive.node.isEmpty, alive.meta.count <= Tags.limitBytes, let versions = alive.versions,
            versions.isCompatible(with: delegate.versions), let ip = alive.address, !ip.isUnspecified
        else {
            counters.unusableMembers += 1
            return
        }
        let address = MemberAddress(ip, port: alive.port == 0 ? address.port : alive.port)
        guard isOurs || admits(alive, address: address) else {
            counters.refusedMembers += 1
            return
        }
        guard isPlausible(alive.incarnation) else {
            counters.implausibleTimes += 1
            return
        }
        guard let known = nodes[alive.node] else {
            return enter(alive, address: address, versions: versions, at: now)
        }
        let isMoving = known.address != address
        guard !isMoving || (!isOurs && canReclaim(known, at: now)) else {
            counters.nameConflicts += 1
            directives.append(.nameConflict(name: alive.node, address: address))
            if isOurs { askWhoOwnsOurName(at: now) }
            return
        }
        if isOurs {
            handleAliveAboutUs(alive, versions: versions, known: known)
        } else if alive.incarnation > known.incarnation || isMoving {
            accept(alive, address: address, versions: versions, known: known, at: now)
        }
    }

    private func admits(_ alive: Alive, address: MemberAddress) -> Bool {
        guard let admission else { return true }
        return admission.admits(member(alive.node, at: address, meta: alive.meta, status: .alive))
    }

    /// As the application knows members.
    func member(_ name: String, at address: MemberAddress, meta: [UInt8], status: Member.Status) -> Member {
        Member(name: name, address: address, tags: tags(in: meta), metadata: meta, status: status)
    }

    func tags(in meta: [UInt8]) -> [String: String] { delegate.isSerf ? (try? Tags.decode(meta)) ?? [:] : [:] }

    /// A node that nobody spoke of before: dead until the rest of the rules make it alive.
    private mutating func enter(_ alive: Alive, address: MemberAddress, versions: Versions, at now: Timestamp) {
        guard alive.incarnation > 0 else { return }
        guard nodes.count < settings.memberLimit, serfMembers.count < settings.memberLimit || hasMember(alive.node)
        else {
            counters.tableOverflows += 1
            return
        }
        let announcement = Announcement(
            name: alive.node, address: address, meta: alive.meta, tags: tags(in: alive.meta), versions: versions)
        let node = Node(announcement: announcement, stateChangedAt: now, incarnation: 0, state: .dead)
        nodes.insert(node, using: &random)
        accept(alive, address: address, versions: versions, known: node, at: now)
    }

    private func hasMember(_ name: String) -> Bool { serfMembers[name] != nil }

    private func canReclaim(_ node: Node, at now: Timestamp) -> Bool {
        switch node.state {
        case .alive, .suspect: return false
        case .left: return true
        case .dead:
            guard let wait = settings.deadNameReclaim else { return false }
            return node.stateChangedAt.duration(to: now) >= wait
        }
    }

    private mutating func handleAliveAboutUs(_ alive: Alive, versions: Versions, known: Node) {
        guard alive.incarnation >= incarnation else { return }
        suspicions[name] = nil
        let isEcho = alive.incarnation == incarnation && alive.meta == known.meta && versions == known.versions
        if !isEcho { refute(alive.incarnation) }
    }

    private mutating func accept(
        _ alive: Alive, address: MemberAddress, versions: Versions, known: Node, at now: Timestamp
    ) {
        suspicions[alive.node] = nil
        endVerification(of: alive.node, isAlive: true)
        var node = known
        if !node.announcement.says(alive.meta, at: address, versions) {
            node.announcement = Announcement(
                name: alive.node, address: address, meta: alive.meta, tags: tags(in: alive.meta), versions: versions)
        }
        node.incarnation = alive.incarnation
        node.state = .alive
        if known.state != .alive { node.stateChangedAt = now }
        nodes.update(node)
        broadcast(node.alive.encoded, about: node.name)
        if known.isGone {
            links.forgetPause(with: node.name)
            handleNodeJoined(node)
        } else if known.meta != node.meta {
            handleNodeUpdated(node)
        }
    }

    // MARK: - Suspect and dead

    mutating func handleSuspect(_ accusation: Accusation, at now: Timestamp) {
        guard var node = nodes[accusation.node], accusation.incarnation >= node.incarnation else { return }
        guard isPlausible(accusation.incarnation) else {
            counters.implausibleTimes += 1
            return
        }
        if suspicions[node.name] != nil {
            if suspicions[node.name]?.confirm(by: accusation.from) == true {
                broadcast(accusation.encoded(as: .suspect), about: node.name)
            }
            return
        }
        if node.state == .suspect, accusation.from == name {  // A confirmation, for agents that count them.
            broadcast(accusation.encoded(as: .suspect), about: node.name)
        }
        guard node.state == .alive else { return }
        guard node.name != name else { return refute(accusation.incarnation, accuser: accusation.from) }
        broadcast(accusation.encoded(as: .suspect), about: node.name)
        node.incarnation = accusation.incarnation
        node.state = .suspect
        node.stateChangedAt = now
        nodes.update(node)
        guard smallCluster == nil else { return verify(node.name, at: now) }
        suspicions[node.name] = Suspicion(
            of: node, by: accusation.from, nodeCount: nodes.count, settings: settings, at: now)
    }

    /// Somebody says that a member is dead, or has left: believed of few at a time.
    mutating func handleDeathClaim(_ accusation: Accusation, at now: Timestamp) {
        guard let node = nodes[accusation.node], node.name != name, !node.isGone,
            accusation.incarnation >= node.incarnation, isPlausible(accusation.incarnation),
            !deathBudget.take(of: nodes.count, at: now)
        else { return handleDead(accusation, at: now) }
        counters.deathsDoubted += 1
        handleSuspect(Accusation(incarnation: accusation.incarnation, node: node.name, from: name), at: now)
    }

    /// Beyond, a member could in the end not outbid what is claimed of it. Whoever counts from 1, or from the seconds
    /// since 1970, never comes there.
    static let highestIncarnation = UInt32.max - 0xFFFF

    private func isPlausible(_ incarnation: UInt32) -> Bool { incarnation <= Self.highestIncarnation }

    mutating func handleDead(_ accusation: Accusation, at now: Timestamp) {
        guard var node = nodes[accusation.node], accusation.incarnation >= node.incarnation else { return }
        guard isPlausible(accusation.incarnation) else {
            counters.implausibleTimes += 1
            return
        }
        guard node.isGone || !contradicts(accusation, at: now) else { return doubt(accusation, about: node, at: now) }
        suspicions[node.name] = nil
        endVerification(of: node.name, isAlive: false)
        guard !node.isGone else { return }
        guard node.name != name || departure.isUnderway else {
            return refute(accusation.incarnation, accuser: accusation.from)
        }
        broadcast(accusation.encoded(as: .dead), about: node.name)
        node.incarnation = accusation.incarnation
        node.state = accusation.node == accusation.from ? .left : .dead
        node.stateChangedAt = now
        nodes.update(node)
        closeLinks { $0.node == node.name }
        handleNodeGone(node.name, at: now)
    }

    /// We have found out ourselves that a member is dead.
    mutating func declareDead(_ node: Node, at now: Timestamp) {
        let accusation = Accusation(incarnation: node.incarnation, node: node.name, from: name)
        handleDead(accusation, at: now)
        if nodes[node.name]?.state == .dead { tellAll(accusation.encoded(as: .dead)) }
    }

    /// Outbids a claim about us. The highest incarnation cannot be outbid.
    /// `accuser`: Hears of it directly where clusters are small, even if we take it for dead.
    mutating func refute(_ accused: UInt32, accuser: String? = nil) {
        guard !departure.isUnderway else { return }
        counters.refutations += 1
        health.apply(1)
        raiseIncarnation(above: accused)
        announceOurselves()
        guard smallCluster != nil else { return }
        if let accuser = accuser.flatMap({ nodes[$0] }), accuser.isGone, let node = nodes[name] {
            transmit([node.alive.encoded], to: accuser.address)
        }
    }

    mutating func raiseIncarnation(above other: UInt32 = 0) {
        incarnation = min(Self.highestIncarnation, max(incarnation, other) + 1)
    }

    /// Broadcasts our node as it is, under the current incarnation.
    mutating func announceOurselves() {
        guard var node = nodes[name] else { return }
        node.incarnation = incarnation
        nodes.update(node)
        broadcast(node.alive.encoded, about: name)
        tellAll(node.alive.encoded)
    }
}
