/// The user events of the last 512 moments, to tell known ones from new ones and to hand them to newcomers.
struct EventRing: Sendable {
    static let slotCount: UInt64 = 512
    private static let eventsPerSlot = 64

    enum Verdict { case new, known, full }

    private var slots: [UInt64: SerfState.Events] = [:]  // By time modulo `slotCount`.
    private var heldBytes = 0
    let limitBytes: Int

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    /// Oldest first.
    var events: [SerfState.Events] { slots.values.sorted { $0.time < $1.time } }

    mutating func add(_ event: SerfState.Events.Event, at time: UInt64) -> Verdict {
        let key = time % Self.slotCount
        var slot = slots[key] ?? SerfState.Events(time: time)
        if slot.time != time {
            heldBytes -= slot.sizeBytes
            slot = SerfState.Events(time: time)
        }
        guard !slot.events.contains(where: { $0.isSame(as: event) }) else { return .known }
        guard slot.events.count < Self.eventsPerSlot else { return .full }
        slot.events.append(event)
        heldBytes += event.sizeBytes
        slots[key] = slot
        shrink(keeping: key)
        return .new
    }

    private mutating func shrink(keeping newest: UInt64) {
        while heldBytes > limitBytes,
            let oldest = slots.filter({ $0.key != newest }).min(by: { $0.value.time < $1.value.time })
        {
            heldBytes -= oldest.value.sizeBytes
            slots[oldest.key] = nil
        }
    }
}

extension SerfState.Events {
    fileprivate var sizeBytes: Int { events.reduce(0) { $0 + $1.sizeBytes } }
}

extension SerfState.Events.Event {
    fileprivate var sizeBytes: Int { name.utf8.count + (payload?.count ?? 0) + 32 }

    fileprivate func isSame(as other: Self) -> Bool { name == other.name && (payload ?? []) == (other.payload ?? []) }
}

/// The numbers of the queries of the last 512 moments.
struct QueryRing: Sendable {
    private static let queriesPerSlot = 256
    private var slots: [UInt64: (time: UInt64, ids: Set<UInt32>)] = [:]

    mutating func add(_ id: UInt32, at time: UInt64) -> EventRing.Verdict {
        let key = time % EventRing.slotCount
        var slot = slots[key] ?? (time, [])
        if slot.time != time { slot = (time, []) }
        guard !slot.ids.contains(id) else { return .known }
        guard slot.ids.count < Self.queriesPerSlot else { return .full }
        slot.ids.insert(id)
        slots[key] = slot
        return .new
    }
}
