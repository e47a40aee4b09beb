public import IgropyrTime

/// User events: to everybody, at most once.
extension Gossip {
    /// What any member accepts at most, however configured.
    private static let userEventCapBytes = 9 * 1024

    /// Returns whether it is news, to be passed on.
    mutating func handleUserEvent(_ event: UserEventMessage) -> Bool {
        guard witness(event.time, on: \.eventClock) else { return false }
        guard event.time >= minimumEventTime, !isTooOld(event.time, for: eventClock) else {
            counters.staleEvents += 1
            return false
        }
        guard event.name.utf8.count + (event.payload?.count ?? 0) <= Self.userEventCapBytes else {
            counters.tooLarge += 1
            return false
        }
        switch events.add(.init(name: event.name, payload: event.payload), at: event.time) {
        case .new:
            let payload = event.payload ?? []
            let delivered = UserEvent(
                name: event.name, payload: payload, time: event.time, canCoalesce: event.canCoalesce)
            directives.append(.userEvent(delivered))
            return true
        case .known: return false
        case .full:
            counters.tableOverflows += 1
            return false
        }
    }

    func isTooOld(_ time: UInt64, for clock: LamportClock) -> Bool {
        clock.time > EventRing.slotCount && time < clock.time - EventRing.slotCount
    }

    /// Sends an event to everybody, ourselves included.
    public mutating func sendUserEvent(
        _ name: String, payload: [UInt8] = [], canCoalesce: Bool = false, at now: Timestamp
    ) throws(GossipError) -> [Directive] {
        try requireSerf()
        guard !departure.isUnderway else { throw .leaving }
        let limit = settings.userEventLimitBytes
        let event = UserEventMessage(
            time: eventClock.time, name: name, payload: payload, canCoalesce: canCoalesce)
        let message = event.encoded
        guard name.utf8.count + payload.count <= limit, message.count <= min(limit, broadcastLimitBytes) else {
            throw .userEventTooLarge(limitBytes: limit)
        }
        if handleUserEvent(event) { announce(message, in: \.eventBroadcasts) }
        return takeDirectives(at: now)
    }
}
