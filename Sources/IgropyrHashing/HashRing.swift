/// Which member answers for which key: a table of 65 536 slots, each filled by weighted rendezvous hashing.
///
/// An immutable value: built aside and swapped in whole. The table depends on the members alone, not on the order of
/// their discovery or on the machine. A member that comes or goes moves only slots of its own; see `docs/hashing.md`.
public struct HashRing: Sendable, Equatable {
    public typealias Member = KeyTable.Member

    /// Slots of the table; the upper 16 bits of a key's hash are its slot.
    public static let slotCount = 65_536

    let roster: Roster
    let lists: PreferenceLists

    /// From nothing this takes about 40 ms for 100 members and 0.2 s for 1000; from the ring of nearly the same
    /// members, a few milliseconds. Not for an event loop that serves requests.
    ///
    /// Of members with the same id, the one with the least host, then the least weight, is taken.
    ///
    /// - Parameters:
    ///   - members: In any order.
    ///   - depth: How many choices a slot has, from 1 to ``KeyTable/maximumDepth``.
    ///   - previous: A ring from which to take over what has not changed. It makes no difference to the result.
    public init(_ members: [Member], depth: Int = 3, reusing previous: HashRing? = nil) {
        self.init(members, depth: depth, reusing: previous, slots: Self.slotCount)
    }

    /// Fills only the first few slots of the table, which is enough for a test.
    init(_ members: [Member], depth: Int, reusing previous: HashRing?, slots: Int) {
        roster = Roster(members)
        lists = RingTable.lists(roster, depth: depth, slots: slots, reusing: previous)
    }

    /// Those with a weight above zero, each id once, in the order of their ids. Lookups return positions in it.
    public var members: [Member] { roster.members }
    /// Choices of each slot: as asked, but not more than there are members.
    public var depth: Int { lists.depth }
    public var isEmpty: Bool { roster.members.isEmpty }

    /// The slot of a key whose ``XXH64`` hash is given.
    public func slot(forHash hash: UInt64) -> Int { Int(hash >> 48) }

    /// The position in ``members`` of a slot's choice.
    ///
    /// - Parameters:
    ///   - slot: In 0..<65 536.
    ///   - rank: 0 is the owner; then come those to try when it cannot answer, on other hosts first.
    /// - Returns: nil from rank ``depth`` on, and for an empty ring.
    public func preference(slot: Int, rank: Int) -> Int? { lists.position(entry: slot, rank: rank) }

    /// How many slots each member owns, parallel to ``members``; their sum is ``slotCount`` unless the ring is empty.
    public func shares() -> [Int] { lists.ownedEntries(members: roster.members.count) }

    /// A hash of the whole table, to compare those of two machines.
    public var checksum: UInt64 { lists.checksum() }
}
