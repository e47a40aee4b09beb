public import IgropyrTime

/// Connections between neighbours that stay open, so that the kernel of a host says at once when its member's process
/// has ended.
///
/// A link is the exchange of a TCP ping after which neither side closes. An agent closes, and then there is no link.
/// Its end alone proves nothing: the neighbour is pinged by a new connection, and only if its own kernel refuses that,
/// where it just had a member, the member is dead. If nothing answers, it is suspect.
extension Gossip {
    /// Earlier ends are no news: whoever keeps no links closes at once.
    private static let linkTrial = Duration.seconds(1)
    /// So, too, a newcomer is asked for a link not at once but when it has had time to hear of us.
    private static let linkUpkeepInterval = Duration.seconds(1)

    /// Of a process that ends, one connection may be accepted and another wait in the backlog when the port is closed.
    private static let listenerChecks = 3

    /// Links whose end would be news.
    public func linkCount(at now: Timestamp) -> Int { links.standingCount(at: now, trial: Self.linkTrial) }

    // MARK: - Ours

    /// Neighbours are those who follow us by name, in a circle: half of all, so that each pair has a link, up to the
    /// limit.
    private var neighbours: [Node] {
        var others = 0
        var nearest: [(isBehind: Bool, name: String)] = []  // In the order of the circle from here.
        for node in nodes.all where node.state == .alive && node.name != name {
            others += 1
            let place = (isBehind: node.name < name, name: node.name)
            if nearest.count == settings.linkFanout {
                guard Self.precedes(place, nearest[nearest.count - 1]) else { continue }
                nearest.removeLast()
            }
            nearest.insert(place, at: nearest.firstIndex { Self.precedes(place, $0) } ?? nearest.count)
        }
        return nearest.prefix((others + 1) / 2).compactMap { nodes[$0.name] }
    }

    private static func precedes(
        _ left: (isBehind: Bool, name: String), _ right: (isBehind: Bool, name: String)
    ) -> Bool {
        left.isBehind == right.isBehind ? left.name < right.name : right.isBehind
    }

    mutating func tendLinks(at now: Timestamp) {
        schedule.links = now.advanced(by: Self.linkUpkeepInterval)
        guard settings.linkFanout > 0, !departure.isUnderway else { return }
        let neighbours = neighbours
        let names = Set(neighbours.map(\.name))
        closeLinks { $0.isOurs && !names.contains($0.node) }
        for node in neighbours where node.versions.answersStreamPings && !links.isSettled(with: node.name, at: now) {
            openLink(to: node, at: now)
        }
    }

    private mutating func openLink(to node: Node, at now: Timestamp) {
        let sequence = nextSequence()
        let ping = Ping(sequence: sequence, node: node.name, source: pingSource)
        let id = openStream(
            .link(sequence: sequence), to: node.address, ping.encoded,
            deadline: now.advanced(by: settings.streamTimeout), staysOpen: true)
        if let id {
            links[id] = Link(node: node.name, isOurs: true)
        } else {
            links.pause(with: node.name, at: now)
        }
    }

    mutating func finishOpening(
        _ id: StreamID, _ reply: Result<StreamMessage, StreamFailure>, _ sequence: UInt32, at now: Timestamp
    ) {
        if case .success(let message) = reply, case .ack(let ack) = message.content, ack.sequence == sequence {
            links[id]?.openSince = now
        } else if let link = links.remove(id) {
            links.pause(with: link.node, at: now)
            directives.append(.closeLink(id))
        }
    }

    // MARK: - Of others

    /// The number of a link, if this ping over TCP shall become one.
    mutating func acceptLink(_ ping: Ping, at now: Timestamp) -> StreamID? {
        guard settings.linkFanout > 0, !departure.isUnderway, links.inboundCount < LinkTable.inboundLimit,
            let node = nodes[ping.source.node], node.name != name, !node.isGone
        else { return nil }
        // One of the same name that is still there belongs to an earlier life, or to a liar.
        closeLinks { !$0.isOurs && $0.node == node.name }
        lastStream &+= 1
        let id = StreamID(number: lastStream)
        links[id] = Link(node: node.name, isOurs: false, openSince: now)
        return id
    }

    // MARK: - The end

    /// The other end closed a link, or the connection broke.
    public mutating func handleLinkClosed(_ id: StreamID, at now: Timestamp) -> [Directive] {
        guard let link = links.remove(id), let openSince = link.openSince else { return takeDirectives(at: now) }
        if openSince.duration(to: now) < Self.linkTrial {
            links.pause(with: link.node, at: now)
        } else if let node = nodes[link.node], !node.isGone, !departure.isUnderway {
            links.forgetPause(with: node.name)
            counters.linksLost += 1
            checkListener(of: node, at: now)
        }
        return takeDirectives(at: now)
    }

    /// Whether the member's process is there: its host's kernel knows.
    mutating func checkListener(of node: Node, attempt: Int = 1, at now: Timestamp) {
        let ping = Ping(sequence: nextSequence(), node: node.name, source: pingSource)
        openStream(
            .linkCheck(node.name, node.address, attempt: attempt), to: node.address, ping.encoded,
            deadline: now.advanced(by: settings.probeTimeout))
    }

    /// A kernel that refuses a connection to the member's port says that nobody listens there any more. One that cuts a
    /// connection may be about to: of a process that ends, links can be closed before the port.
    mutating func finishCheck(
        of name: String, at address: MemberAddress, attempt: Int, _ reply: Result<StreamMessage, StreamFailure>,
        at now: Timestamp
    ) {
        guard let node = nodes[name], node.address == address, case .failure(let failure) = reply else { return }
        switch failure {
        case .connectionRefused:
            declareDead(node, at: now)
            schedule.gossip = now
        case .closedWithoutReply where attempt < Self.listenerChecks && !node.isGone:
            checkListener(of: node, attempt: attempt + 1, at: now)
        case .closedWithoutReply, .unreachable, .timedOut, .refused, .unreadable, .incompatibleVersions,
            .unexpectedReply:
            handleSuspect(Accusation(incarnation: node.incarnation, node: name, from: self.name), at: now)
        }
    }

    mutating func closeLinks(where isUnwanted: (Link) -> Bool) {
        for id in links.removeAll(where: isUnwanted) { directives.append(.closeLink(id)) }
    }
}
