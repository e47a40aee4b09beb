internal import IgropyrTime

/// Serf's messages, and what the failure detector's findings mean to Serf.
extension Gossip {
    /// Whatever is passed on was read completely first: the reference crashes on some broken messages.
    mutating func handleSerf(_ bytes: [UInt8], at now: Timestamp) {
        guard let type = bytes.first.flatMap(SerfMessageType.init(rawValue:)) else {
            counters.malformed += 1
            return
        }
        do throws(WireError) {
            var reader = MessagePackReader(bytes, from: 1)
            switch type {
            case .leave: handleGossiped(try Intent(.leave, from: &reader), bytes, at: now)
            case .join: handleGossiped(try Intent(.join, from: &reader), bytes, at: now)
            case .userEvent: handleGossiped(try UserEventMessage(from: &reader), bytes)
            case .query: try handleGossiped(try QueryMessage(from: &reader), bytes, at: now)
            case .queryResponse: handleResponse(try QueryResponseMessage(from: &reader), at: now)
            case .relay: try handleRelay(try RelayMessage(from: &reader))
            case .pushPull, .conflictResponse, .keyRequest, .keyResponse: counters.malformed += 1
            }
        } catch {
            counters.count(error)
        }
    }

    private mutating func handleGossiped(_ intent: Intent, _ bytes: [UInt8], at now: Timestamp) {
        if handleIntent(intent, at: now) { broadcastSerf(bytes, in: \.intentBroadcasts) }
    }

    private mutating func handleGossiped(_ event: UserEventMessage, _ bytes: [UInt8]) {
        if handleUserEvent(event) { broadcastSerf(bytes, in: \.eventBroadcasts) }
    }

    private mutating func handleGossiped(
        _ query: QueryMessage, _ bytes: [UInt8], at now: Timestamp
    ) throws(WireError) {
        if try handleQuery(query, at: now) { broadcastSerf(bytes, in: \.queryBroadcasts) }
    }

    /// Any message's time is witnessed first. False: it would spoil a clock, ignore the message.
    mutating func witness(_ time: UInt64, on clock: WritableKeyPath<Gossip, LamportClock>) -> Bool {
        guard self[keyPath: clock].isPlausible(time) else {
            counters.implausibleTimes += 1
            return false
        }
        self[keyPath: clock].witness(time)
        return true
    }

    // MARK: - From the failure detector

    mutating func handleNodeJoined(_ node: Node) {
        var member = serfMembers[node.name] ?? SerfMember(node.announcement)
        member.status = .alive
        member.goneAt = nil
        if serfMembers[node.name] == nil, let intent = intents.take(for: node.name) {
            member.statusTime = intent.time
            if intent.kind == .leave { member.status = .leaving }
        }
        member.announcement = node.announcement
        serfMembers[node.name] = member
        report(.joined, member)
    }

    mutating func handleNodeUpdated(_ node: Node) {
        guard var member = serfMembers[node.name] else { return }
        member.announcement = node.announcement
        serfMembers[node.name] = member
        report(.updated, member)
    }

    mutating func handleNodeGone(_ name: String, at now: Timestamp) {
        guard var member = serfMembers[name] else { return }
        switch member.status {
        case .alive: member.status = hasLeft(name) ? .left : .failed
        case .leaving: member.status = .left
        case .failed, .left: return
        }
        member.goneAt = now
        serfMembers[name] = member
        report(member.status == .left ? .left : .failed, member)
        if member.isToBeForgotten, member.status == .left { forget(member) }
    }

    /// With Serf only what a member announced counts.
    private func hasLeft(_ name: String) -> Bool { !delegate.isSerf && nodes[name]?.state == .left }

    func isOurselves(_ name: String) -> Bool { name == self.name }

    mutating func report(_ kind: MemberEvent.Kind, _ member: SerfMember) {
        guard !isOurselves(member.name) else { return }
        directives.append(.member(MemberEvent(kind: kind, member: member.member)))
    }

    // MARK: - Push/pull

    /// It says of all but those who have left that they joined, and when. Of one that is leaving it is the time before
    /// that of its intent, which would be no news any more to who hears this first.
    var serfState: SerfState {
        SerfState(
            time: memberClock.time,
            statusTimes: serfMembers.all.map { member in
                let isLeaving = member.status == .leaving && member.statusTime > 0
                return .init(name: member.name, time: isLeaving ? member.statusTime - 1 : member.statusTime)
            },
            leftMembers: serfMembers.all.filter { $0.status == .left }.map(\.name),
            eventTime: eventClock.time, events: events.events, queryTime: queryClock.time)
    }

    /// Nothing out of it is passed on.
    mutating func mergeSerf(_ bytes: [UInt8], isOurJoin: Bool, at now: Timestamp) {
        let state: SerfState
        do throws(WireError) { state = try SerfState(bytes) } catch {
            counters.count(error)
            return
        }
        if state.time > 0 { _ = witness(state.time - 1, on: \.memberClock) }
        if state.eventTime > 0 { _ = witness(state.eventTime - 1, on: \.eventClock) }
        if state.queryTime > 0 { _ = witness(state.queryTime - 1, on: \.queryClock) }
        mergeIntents(of: state, at: now)
        if isOurJoin, eventClock.isPlausible(state.eventTime) {
            minimumEventTime = max(minimumEventTime, state.eventTime)
        }
        for slot in state.events {
            for event in slot.events {
                _ = handleUserEvent(UserEventMessage(time: slot.time, name: event.name, payload: event.payload))
            }
        }
    }

    private mutating func mergeIntents(of state: SerfState, at now: Timestamp) {
        let left = Set(state.leftMembers)
        let departed = state.statusTimes.filter { left.contains($0.name) && memberClock.isPlausible($0.time) }
        for status in departed.sorted(by: { $0.name < $1.name }) {
            _ = handleIntent(Intent(kind: .leave, time: status.time + 1, node: status.name), at: now)
        }
        var news: [Intent] = []
        var latestKnown: UInt64 = 0
        for status in state.statusTimes where !left.contains(status.name) {
            if let member = serfMembers[status.name], status.time <= member.statusTime {
                latestKnown = max(latestKnown, status.time)
            } else {
                news.append(Intent(kind: .join, time: status.time, node: status.name))
            }
        }
        _ = witness(latestKnown, on: \.memberClock)
        for intent in news.sorted(by: { $0.node < $1.node }) { _ = handleIntent(intent, at: now) }
    }
}
