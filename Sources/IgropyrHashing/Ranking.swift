/// The best few of the members that are offered to it, in order.
struct Ranking {
    struct Candidate {
        static let none = Candidate(cost: .worst, member: .max)

        var cost: Rendezvous.Cost
        /// Its position among the ring's members.
        var member: UInt16

        /// Members whose ids collide in all 64 bits of the hash stand in the order of their ids.
        func precedes(_ other: Candidate) -> Bool {
            cost == other.cost ? member < other.member : cost < other.cost
        }
    }

    private var candidates = InlineArray<8, Candidate>(repeating: .none)
    private let depth: Int

    /// - Parameter depth: How many to keep, from 1 to ``HashRing/maximumDepth``.
    init(depth: Int) { self.depth = depth }

    subscript(rank: Int) -> UInt16 { candidates[rank].member }

    /// Who does not precede it is not kept.
    var last: Candidate { candidates[depth - 1] }

    mutating func insert(_ candidate: Candidate) {
        var index = depth - 1
        guard candidate.precedes(candidates[index]) else { return }
        while index > 0, candidate.precedes(candidates[index - 1]) {
            candidates[index] = candidates[index - 1]
            index -= 1
        }
        candidates[index] = candidate
    }
}
