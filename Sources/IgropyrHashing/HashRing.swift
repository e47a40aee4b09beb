/// Which member answers for which key: a table of 65 536 slots, each filled by weighted rendezvous hashing.
///
/// An immutable value: built aside and swapped in whole. The table depends on the members alone, not on the order of
/// their discovery or on the machine. A member that comes or goes moves only slots of its own; see `docs/hashing.md`.
public struct HashRing: Sendable, Equatable {
    public struct Member: Sendable, Hashable {
        /// Names the member for good, through restarts: a slot id `application/host/index`, or `host:port`.
        public var id: String
        /// Members of the same host fail together, so a slot's choices spread over hosts.
        public var host: String
        /// Its part of the keys, in proportion to the others' weights. 0 leaves it out.
        public var weight: UInt16

        public init(id: String, host: String, weight: UInt16 = 1) {
            self.id = id
            self.host = host
            self.weight = weight
        }
    }

    /// Slots of the table; the upper 16 bits of a key's hash are its slot.
    public static let slotCount = 65_536
    /// The most members of one ring. Beyond it those with the greatest ids are left out and counted in ``surplus``.
    public static let maximumMembers = 4096
    /// The most choices of a slot.
    public static let maximumDepth = 8

    /// Those with a weight above zero, each id once, in the order of their ids. Lookups return positions in it.
    public let members: [Member]
    /// Choices of each slot: as asked, but not more than there are members.
    public let depth: Int
    /// How many members were left out because of ``maximumMembers``.
    public let surplus: Int

    /// `depth` positions in ``members`` for each slot, best first.
    private let table: [UInt16]

    /// Takes about 40 ms for 100 members and 0.2 s for 1000: not for an event loop that serves requests.
    ///
    /// Of members with the same id, the one with the least host, then the least weight, is taken.
    public init(_ members: [Member], depth: Int = 3) {
        (self.members, surplus) = Self.admitted(members)
        self.depth = min(max(1, depth), Self.maximumDepth, self.members.count)
        table = RingTable.fill(members: self.members, depth: self.depth)
    }

    public var isEmpty: Bool { members.isEmpty }

    /// The slot of a key whose ``XXH64`` hash is given.
    public func slot(forHash hash: UInt64) -> Int { Int(hash >> 48) }

    /// The position in ``members`` of a slot's choice.
    ///
    /// - Parameters:
    ///   - slot: In 0..<65 536.
    ///   - rank: 0 is the owner; then come those to try when it cannot answer, on other hosts first.
    /// - Returns: nil from rank ``depth`` on, and for an empty ring.
    public func preference(slot: Int, rank: Int) -> Int? {
        guard rank >= 0, rank < depth else { return nil }
        return Int(table[slot * depth + rank])
    }

    /// How many slots each member owns, parallel to ``members``; their sum is ``slotCount`` unless the ring is empty.
    public func shares() -> [Int] {
        var counts = [Int](repeating: 0, count: members.count)
        for index in stride(from: 0, to: table.count, by: max(1, depth)) { counts[Int(table[index])] += 1 }
        return counts
    }

    /// A hash of the whole table, to compare those of two machines.
    public var checksum: UInt64 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(2 * table.count)
        for position in table {
            bytes.append(UInt8(truncatingIfNeeded: position))
            bytes.append(UInt8(position >> 8))
        }
        return XXH64.hash(bytes.span)
    }

    static func admitted(_ members: [Member]) -> (members: [Member], surplus: Int) {
        var distinct: [Member] = []
        for member in members.filter({ $0.weight > 0 }).sorted(by: precedes) where member.id != distinct.last?.id {
            distinct.append(member)
        }
        return (Array(distinct.prefix(maximumMembers)), max(0, distinct.count - maximumMembers))
    }

    private static func precedes(_ left: Member, _ right: Member) -> Bool {
        (left.id, left.host, left.weight) < (right.id, right.host, right.weight)
    }
}
