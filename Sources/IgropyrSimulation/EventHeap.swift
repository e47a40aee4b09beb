internal import IgropyrTime

/// What is to happen, by time; at the same time, in the order in which it was added. A binary heap: log(n) for each.
struct EventHeap<Event> {
    private struct Entry {
        let time: Timestamp
        let number: UInt64
        let slot: Int

        func goes(before other: Entry) -> Bool { time == other.time ? number < other.number : time < other.time }
    }

    private var entries: [Entry] = []
    /// Events lie still here while their small entries move.
    private var slots: [Event?] = []
    private var freeSlots: [Int] = []
    private var lastNumber: UInt64 = 0

    var nextTime: Timestamp? { entries.first?.time }

    mutating func add(_ event: Event, at time: Timestamp) {
        lastNumber += 1
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count { slots.append(event) } else { slots[slot] = event }
        entries.append(Entry(time: time, number: lastNumber, slot: slot))
        siftUp()
    }

    mutating func popFirst() -> (time: Timestamp, event: Event)? {
        guard let first = entries.first, let event = slots[first.slot].take() else { return nil }
        freeSlots.append(first.slot)
        let last = entries.removeLast()
        if !entries.isEmpty { siftDown(last) }
        return (first.time, event)
    }

    private mutating func siftUp() {
        var index = entries.count - 1
        let entry = entries[index]
        while index > 0 {
            let parent = (index - 1) / 2
            guard entry.goes(before: entries[parent]) else { break }
            entries[index] = entries[parent]
            index = parent
        }
        entries[index] = entry
    }

    private mutating func siftDown(_ entry: Entry) {
        var index = 0
        while true {
            var child = 2 * index + 1
            guard child < entries.count else { break }
            if child + 1 < entries.count, entries[child + 1].goes(before: entries[child]) { child += 1 }
            guard entries[child].goes(before: entry) else { break }
            entries[index] = entries[child]
            index = child
        }
        entries[index] = entry
    }
}
