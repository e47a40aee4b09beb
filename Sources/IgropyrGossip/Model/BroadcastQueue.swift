/// Messages that ride in gossip packets until each was sent often enough.
struct BroadcastQueue: Sendable {
    struct ID: Hashable, Sendable { fileprivate let number: UInt64 }

    private struct Entry: Sendable {
        let id: ID
        let bytes: [UInt8]
        /// The node it is about; a newer one replaces it.
        let subject: String?
        var transmits = 0

        /// Sent least often first; then the largest; then the newest.
        func goes(before other: Entry) -> Bool {
            (transmits, -bytes.count, other.id.number) < (other.transmits, -other.bytes.count, id.number)
        }
    }

    private var entries: [Entry] = []
    private var lastNumber: UInt64 = 0
    let limit: Int

    init(limit: Int) { self.limit = limit }

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }
    /// In the order in which they go out.
    var messages: [[UInt8]] { entries.map(\.bytes) }

    func contains(_ id: ID) -> Bool { entries.contains { $0.id == id } }

    /// Returns the message's number, and whether another one had to go for it.
    @discardableResult
    mutating func add(_ bytes: [UInt8], about subject: String? = nil) -> (id: ID, isOverflowing: Bool) {
        if let subject { entries.removeAll { $0.subject == subject } }
        let isOverflowing = entries.count >= limit
        if isOverflowing { entries.removeLast() }
        lastNumber &+= 1
        let id = ID(number: lastNumber)
        insert(Entry(id: id, bytes: bytes, subject: subject))
        return (id, isOverflowing)
    }

    /// Takes what fits into `room` bytes, each message costing `overheadBytes` more.
    mutating func take(room: inout Int, overheadBytes: Int, transmitLimit: Int, limitParts: Int) -> [[UInt8]] {
        var taken: [Entry] = []
        var kept: [Entry] = []
        for entry in entries {
            let cost = entry.bytes.count + overheadBytes
            guard cost <= room, taken.count < limitParts else {
                kept.append(entry)
                continue
            }
            room -= cost
            taken.append(entry)
        }
        guard !taken.isEmpty else { return [] }
        entries = kept
        for var entry in taken {
            entry.transmits += 1
            if entry.transmits < transmitLimit { insert(entry) }
        }
        return taken.map(\.bytes)
    }

    private mutating func insert(_ entry: Entry) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].goes(before: entry) { low = middle + 1 } else { high = middle }
        }
        entries.insert(entry, at: low)
    }
}
