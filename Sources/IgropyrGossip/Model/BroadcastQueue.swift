/// Messages that ride in gossip packets until each was sent often enough.
///
/// Those sent least often go first; of these the largest that still fit; of these the newest. Adding and taking cost
/// the same whether ten messages wait or thousands.
struct BroadcastQueue: Sendable {
    struct ID: Hashable, Sendable { fileprivate let number: UInt64 }

    private struct Entry: Sendable {
        let bytes: [UInt8]
        /// The node it is about; a newer one replaces it.
        let subject: String?
        var transmits = 0
    }

    /// The numbers of messages that were sent equally often, by size.
    private struct Tier: Sendable {
        private(set) var sizes: [Int] = []  // The largest first.
        private(set) var numbers: [[UInt64]] = []  // By size; the newest last.

        var isEmpty: Bool { sizes.isEmpty }

        private func place(of size: Int) -> Int {
            var low = 0
            var high = sizes.count
            while low < high {
                let middle = (low + high) / 2
                if sizes[middle] > size { low = middle + 1 } else { high = middle }
            }
            return low
        }

        mutating func insert(_ number: UInt64, size: Int) {
            let place = place(of: size)
            if place == sizes.count || sizes[place] != size {
                sizes.insert(size, at: place)
                numbers.insert([number], at: place)
            } else {
                numbers[place].append(number)
            }
        }

        mutating func remove(_ number: UInt64, size: Int) {
            let place = place(of: size)
            guard place < sizes.count, let index = numbers[place].lastIndex(of: number) else { return }
            numbers[place].remove(at: index)
            dropIfEmpty(place)
        }

        /// The newest of the largest that are no larger than `limit`.
        mutating func takeLargest(upTo limit: Int) -> UInt64? {
            let place = place(of: limit)
            guard place < sizes.count, let number = numbers[place].popLast() else { return nil }
            dropIfEmpty(place)
            return number
        }

        private mutating func dropIfEmpty(_ place: Int) {
            guard numbers[place].isEmpty else { return }
            sizes.remove(at: place)
            numbers.remove(at: place)
        }
    }

    private var entries: [UInt64: Entry] = [:]
    private var numbersBySubject: [String: UInt64] = [:]
    private var tiers: [Tier] = []  // By how often their messages were sent.
    private var lastNumber: UInt64 = 0
    let limit: Int

    init(limit: Int) { self.limit = limit }

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }
    /// In the order in which they go out.
    var messages: [[UInt8]] {
        tiers.flatMap { $0.numbers.flatMap { $0.reversed().compactMap { entries[$0]?.bytes } } }
    }

    func contains(_ id: ID) -> Bool { entries[id.number] != nil }

    /// Returns the message's number, and whether another one had to go for it: the one that would have gone out last.
    @discardableResult
    mutating func add(_ bytes: [UInt8], about subject: String? = nil) -> (id: ID, isOverflowing: Bool) {
        if let subject, let older = numbersBySubject[subject] { remove(older) }
        let isOverflowing = entries.count >= limit
        if isOverflowing, let last = tiers.last(where: { !$0.isEmpty })?.numbers.last?.first { remove(last) }
        lastNumber &+= 1
        if let subject { numbersBySubject[subject] = lastNumber }
        insert(Entry(bytes: bytes, subject: subject), lastNumber)
        return (ID(number: lastNumber), isOverflowing)
    }

    /// Takes what fits into `room` bytes, each message costing `overheadBytes` more.
    mutating func take(room: inout Int, overheadBytes: Int, transmitLimit: Int, limitParts: Int) -> [[UInt8]] {
        var taken: [(number: UInt64, entry: Entry)] = []
        for index in tiers.indices {
            while taken.count < limitParts, let number = tiers[index].takeLargest(upTo: room - overheadBytes),
                let entry = entries.removeValue(forKey: number)
            {
                room -= entry.bytes.count + overheadBytes
                taken.append((number, entry))
            }
        }
        for (number, entry) in taken.reversed() { insertAgain(entry, number, transmitLimit: transmitLimit) }
        return taken.map(\.entry.bytes)
    }

    private mutating func insertAgain(_ entry: Entry, _ number: UInt64, transmitLimit: Int) {
        var entry = entry
        entry.transmits += 1
        if entry.transmits < transmitLimit {
            insert(entry, number)
        } else if let subject = entry.subject {
            numbersBySubject[subject] = nil
        }
    }

    private mutating func insert(_ entry: Entry, _ number: UInt64) {
        entries[number] = entry
        while tiers.count <= entry.transmits { tiers.append(Tier()) }
        tiers[entry.transmits].insert(number, size: entry.bytes.count)
    }

    private mutating func remove(_ number: UInt64) {
        guard let entry = entries.removeValue(forKey: number) else { return }
        tiers[entry.transmits].remove(number, size: entry.bytes.count)
        if let subject = entry.subject { numbersBySubject[subject] = nil }
    }
}
