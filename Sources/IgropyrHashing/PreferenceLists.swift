/// For each entry of a table its members in the order in which to ask them, as positions in the roster.
struct PreferenceLists: Sendable, Equatable {
    /// The length of each list.
    let depth: Int
    /// One list after the other.
    private let positions: [UInt16]

    /// Takes lists of `depth` positions each; none if `depth` is 0.
    init(depth: Int, positions: [UInt16]) {
        self.depth = depth
        self.positions = positions
    }

    /// Nil from rank ``depth`` on.
    func position(entry: Int, rank: Int) -> Int? {
        guard rank >= 0, rank < depth else { return nil }
        return Int(positions[entry * depth + rank])
    }

    /// How many entries each of `count` members owns.
    func ownedEntries(members count: Int) -> [Int] {
        var owned = [Int](repeating: 0, count: count)
        for index in stride(from: 0, to: positions.count, by: max(1, depth)) { owned[Int(positions[index])] += 1 }
        return owned
    }

    /// XXH64 over all positions, list after list, two bytes each, the low one first.
    func checksum(seed: UInt64 = 0) -> UInt64 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(2 * positions.count)
        for position in positions {
            bytes.append(UInt8(truncatingIfNeeded: position))
            bytes.append(UInt8(position >> 8))
        }
        return XXH64.hash(bytes.span, seed: seed)
    }
}
