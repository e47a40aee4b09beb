/// Fills a ring's table: for each slot the best members, those on hosts not yet chosen first.
///
/// Two facts make a new table from an old one cheap, for the lists hold the best of each further host. A list without
/// the member that goes is the same without it. And a list after others have come holds nobody but those who came and
/// those who stood in it before.
struct RingTable {
    private struct Entrant {
        var hash: UInt64
        var inverseWeight: UInt64
        var weight: UInt16
        var host: UInt16
    }

    /// Entrants laid out so that most of them are passed over after one comparison.
    private struct Field {
        /// Entrants of one weight.
        struct Band {
            var weight: UInt16
            var range: Range<Int>
        }

        var bands: [Band] = []
        /// Of ids; the same indices as in `positions`.
        var hashes: [UInt64] = []
        var positions: [UInt16] = []

        /// Heavy entrants first: the sooner good ones are found, the fewer others need a closer look.
        init(_ positions: [UInt16], of entrants: [Entrant]) {
            self.positions = positions.sorted {
                (entrants[Int($1)].weight, $0) < (entrants[Int($0)].weight, $1)
            }
            for (index, position) in self.positions.enumerated() {
                let entrant = entrants[Int(position)]
                hashes.append(entrant.hash)
                if let last = bands.indices.last, bands[last].weight == entrant.weight {
                    bands[last].range = bands[last].range.lowerBound..<index + 1
                } else {
                    bands.append(Band(weight: entrant.weight, range: index..<index + 1))
                }
            }
        }
    }

    /// By position in the roster.
    private let entrants: [Entrant]
    private let depth: Int
    /// How many choices of a slot are on hosts of their own.
    private let distinctHosts: Int
    private let slots: Int

    private init(_ roster: Roster, depth: Int, slots: Int) {
        let hosts = roster.hosts()
        entrants = zip(roster.members, hosts.numbers).map { member, host in
            Entrant(
                hash: XXH64.hash(member.id), inverseWeight: Rendezvous.inverse(of: member.weight),
                weight: member.weight, host: host)
        }
        self.depth = depth
        self.slots = slots
        distinctHosts = min(depth, hosts.count)
    }

    /// The previous ring makes no difference to the result.
    static func lists(
        _ roster: Roster, depth asked: Int, slots: Int, reusing previous: HashRing?
    ) -> PreferenceLists {
        let depth = roster.depth(asked: asked)
        guard depth > 0 else { return PreferenceLists(depth: 0, lists: []) }
        guard let previous, !previous.isEmpty, previous.depth == previous.roster.depth(asked: asked) else {
            return RingTable(roster, depth: depth, slots: slots).fill()
        }
        if previous.roster.members == roster.members { return previous.lists }
        return RingTable(roster, depth: depth, slots: slots)
            .refill(previous, RosterChange(from: previous.roster, to: roster))
    }

    private func fill() -> PreferenceLists {
        let everyone = Field(entrants.indices.map(UInt16.init), of: entrants)
        var table: [UInt16] = []
        table.reserveCapacity(slots * depth)
        for slot in 0..<slots { appendChoices(slot, among: everyone, and: [], to: &table) }
        return PreferenceLists(depth: depth, lists: table)
    }

    private func refill(_ old: HashRing, _ change: RosterChange) -> PreferenceLists {
        let everyone = Field(entrants.indices.map(UInt16.init), of: entrants)
        let newcomers = Field(change.newcomers, of: entrants)
        // Only where each choice is on a host of its own, before and after, does the last one's cost bar all others.
        let isSpread = distinctHosts == depth && old.depth == depth && old.roster.hosts().count >= depth
        var table: [UInt16] = []
        table.reserveCapacity(slots * depth)
        var kept: [UInt16] = []
        for slot in 0..<slots {
            kept.removeAll(keepingCapacity: true)
            for rank in 0..<old.depth {
                if let position = old.preference(slot: slot, rank: rank), let now = change.moves[position] {
                    kept.append(now)
                }
            }
            if kept.count < old.depth {
                appendChoices(slot, among: everyone, and: [], to: &table)
            } else if change.newcomers.isEmpty || isSpread && areOutOfReach(newcomers, slot, kept[depth - 1]) {
                table.append(contentsOf: kept)
            } else {
                appendChoices(slot, among: newcomers, and: kept, to: &table)
            }
        }
        return PreferenceLists(depth: depth, lists: table)
    }

    /// Whether all of them certainly cost more than the last choice of a slot.
    private func areOutOfReach(_ field: Field, _ slot: Int, _ last: UInt16) -> Bool {
        let slot = UInt16(slot)
        let cost = candidate(last, Rendezvous.draw(slot: slot, member: entrants[Int(last)].hash)).cost
        for band in field.bands {
            let reach = Rendezvous.reach(within: cost, weight: band.weight)
            for index in band.range where ~Rendezvous.draw(slot: slot, member: field.hashes[index]) <= reach {
                return false
            }
        }
        return true
    }

    private func appendChoices(_ slot: Int, among field: Field, and listed: [UInt16], to table: inout [UInt16]) {
        let start = table.count
        let best = rank(slot, field, listed, Ranking(depth: distinctHosts, isOnePerHost: true))
        for rank in 0..<distinctHosts { table.append(best[rank]) }
        guard distinctHosts < depth else { return }
        // Hosts are too few: what is left of the list goes to the best members not in it yet.
        let rest = rank(slot, field, listed, Ranking(depth: depth, isOnePerHost: false))
        for rank in 0..<depth where table.count < start + depth && !table[start...].contains(rest[rank]) {
            table.append(rest[rank])
        }
    }

    private func rank(_ slot: Int, _ field: Field, _ listed: [UInt16], _ empty: Ranking) -> Ranking {
        var ranking = empty
        let slot = UInt16(slot)
        for position in listed {
            ranking.insert(candidate(position, Rendezvous.draw(slot: slot, member: entrants[Int(position)].hash)))
        }
        for band in field.bands {
            var reach = Rendezvous.reach(within: ranking.last.cost, weight: band.weight)
            for index in band.range {
                let draw = Rendezvous.draw(slot: slot, member: field.hashes[index])
                guard ~draw <= reach else { continue }  // Most are out here, without a logarithm.
                ranking.insert(candidate(field.positions[index], draw))
                reach = Rendezvous.reach(within: ranking.last.cost, weight: band.weight)
            }
        }
        return ranking
    }

    private func candidate(_ position: UInt16, _ draw: UInt64) -> Ranking.Candidate {
        let entrant = entrants[Int(position)]
        return Ranking.Candidate(
            cost: Rendezvous.cost(draw: draw, inverseWeight: entrant.inverseWeight), member: position,
            host: entrant.host)
    }
}
