/// The best few of the members that are offered to it, in order.
struct Ranking {
    struct Candidate {
        static let none = Candidate(cost: .worst, member: .max, host: .max)

        var cost: Rendezvous.Cost
        /// Its position in the roster.
        var member: UInt16
        /// The number of its host.
        var host: UInt16

        /// Members whose ids collide in all 64 bits of the hash stand in the order of their ids.
        func precedes(_ other: Candidate) -> Bool {
            cost == other.cost ? member < other.member : cost < other.cost
        }
    }

    private var candidates = InlineArray<8, Candidate>(repeating: .none)
    private let depth: Int
    private let isOnePerHost: Bool

    /// - Parameters:
    ///   - depth: How many to keep, from 1 to ``KeyTable/maximumDepth``.
    ///   - isOnePerHost: Of members on one host only the best is kept.
    init(depth: Int, isOnePerHost: Bool) {
        self.depth = depth
        self.isOnePerHost = isOnePerHost
    }

    subscript(rank: Int) -> UInt16 { candidates[rank].member }

    /// Who does not precede it is not kept.
    var last: Candidate { candidates[depth - 1] }

    mutating func insert(_ candidate: Candidate) {
        guard candidate.precedes(last) else { return }
        var index = rankReplaced(by: candidate)
        guard candidate.precedes(candidates[index]) else { return }
        while index > 0, candidate.precedes(candidates[index - 1]) {
            candidates[index] = candidates[index - 1]
            index -= 1
        }
        candidates[index] = candidate
    }

    private func rankReplaced(by candidate: Candidate) -> Int {
        if isOnePerHost {
            for rank in 0..<depth where candidates[rank].host == candidate.host { return rank }
        }
        return depth - 1
    }
}
