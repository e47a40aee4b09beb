/// For each entry of a table its members in the order in which to ask them, as positions in the roster.
struct PreferenceLists: Sendable, Equatable {
    /// The length of each list.
    let depth: Int
    private let entries: Int
    /// All first choices, then all second ones, and so on: a lookup of owners keeps only theirs in the processor's
    /// cache.
    private let positions: [UInt16]

    /// Takes lists of `depth` positions each, one after the other; none if `depth` is 0.
    init(depth: Int, lists: [UInt16]) {
        let entries = lists.count / max(1, depth)
        var positions: [UInt16] = []
        positions.reserveCapacity(lists.count)
        for rank in 0..<depth {
            for entry in 0..<entries { positions.append(lists[entry * depth + rank]) }
        }
        self.depth = depth
        self.entries = entries
        self.positions = positions
    }

    /// Nil from rank ``depth`` on.
    func position(entry: Int, rank: Int) -> Int? {
        guard rank >= 0, rank < depth else { return nil }
        return Int(positions[rank * entries + entry])
    }

    /// How many entries each of `count` members owns.
    func ownedEntries(members count: Int) -> [Int] {
        var owned = [Int](repeating: 0, count: count)
        for position in positions.prefix(entries) { owned[Int(position)] += 1 }
        return owned
    }

    /// XXH64 over all positions, list after list, two bytes each, the low one first.
    func checksum(seed: UInt64 = 0) -> UInt64 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(2 * positions.count)
        for entry in 0..<entries {
            for rank in 0..<depth {
                let position = positions[rank * entries + entry]
                bytes.append(UInt8(truncatingIfNeeded: position))
                bytes.append(UInt8(position >> 8))
            }
        }
        return XXH64.hash(bytes.span, seed: seed)
    }
}
