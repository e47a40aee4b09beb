/// Maglev hashing: the members in turn take slots, each in an order of its own, until all are taken.
///
/// Source: Eisenbud et al., "Maglev: a fast and reliable software network load balancer" (NSDI 2016), §3.4; weights as
/// Envoy has them: a member takes a slot in that part of the turns which its weight is of the greatest one.
struct MaglevTable: Sendable, Equatable {
    /// A prime, so that each member's order visits every slot. The paper's "small" size.
    static let slotCount = 65_537

    let roster: Roster
    let lists: PreferenceLists

    init(_ roster: Roster, depth: Int) {
        self.roster = roster
        lists = CircularOrder.lists(Self.owners(roster.members), roster, depth: depth)
    }

    func position(forHash hash: UInt64, rank: Int) -> Int? {
        lists.position(entry: Int(hash % UInt64(Self.slotCount)), rank: rank)
    }

    func shares() -> [Double] {
        lists.ownedEntries(members: roster.members.count).map { Double($0) / Double(Self.slotCount) }
    }

    /// Those that a member would take, in order: `offset`, and then every `skip`-th.
    private struct Turns {
        var next: Int
        let skip: Int
        let weight: Int
        /// The next turn is taken when the number of the round times `weight` reaches it.
        var due = 0

        init(_ member: KeyTable.Member) {
            next = Int(XXH64.hash(member.id) % UInt64(slotCount))
            skip = Int(XXH64.hash(member.id, seed: 1) % UInt64(slotCount - 1)) + 1
            weight = Int(member.weight)
        }

        mutating func advance() {
            next += skip
            if next >= slotCount { next -= slotCount }
        }
    }

    private static func owners(_ members: [KeyTable.Member]) -> [UInt16] {
        guard let greatest = members.map(\.weight).max() else { return [] }
        let free = UInt16.max
        var owners = [UInt16](repeating: free, count: slotCount)
        var turns = members.map(Turns.init)
        var (round, left) = (0, slotCount)
        while true {
            round += 1
            for position in turns.indices where round * turns[position].weight >= turns[position].due {
                turns[position].due += Int(greatest)
                while owners[turns[position].next] != free { turns[position].advance() }
                owners[turns[position].next] = UInt16(position)
                left -= 1
                if left == 0 { return owners }
            }
        }
    }
}
