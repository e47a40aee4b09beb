/// Fills a ring's table: for each slot the best members, those on hosts not yet chosen first.
enum RingTable {
    /// A member with what scoring needs of it; members of a host stand together.
    private struct Entrant {
        var hash: UInt64
        var inverseWeight: UInt64
        var position: UInt16
        /// Counts hosts from 0.
        var host: Int
    }

    static func fill(members: [HashRing.Member], depth: Int) -> [UInt16] {
        guard depth > 0 else { return [] }
        let entrants = entrantsByHost(members)
        let hosts = (entrants.last?.host ?? 0) + 1
        let distinct = min(depth, hosts)
        var table: [UInt16] = []
        table.reserveCapacity(HashRing.slotCount * depth)
        for slot in 0..<HashRing.slotCount {
            let best = rankHosts(entrants, forKey: UInt64(slot), depth: depth)
            for rank in 0..<distinct { table.append(best[rank]) }
            if distinct < depth {
                appendRest(of: rankMembers(entrants, forKey: UInt64(slot), depth: depth), upTo: depth, to: &table)
            }
        }
        return table
    }

    private static func entrantsByHost(_ members: [HashRing.Member]) -> [Entrant] {
        var numbers: [String: Int] = [:]
        for host in members.map(\.host).sorted() where numbers[host] == nil { numbers[host] = numbers.count }
        return members.indices
            .map { position in
                let member = members[position]
                return Entrant(
                    hash: XXH64.hash(member.id), inverseWeight: Rendezvous.inverse(of: member.weight),
                    position: UInt16(position), host: numbers[member.host] ?? 0)
            }
            .sorted { ($0.host, $0.position) < ($1.host, $1.position) }
    }

    /// The best of those that are their host's best.
    private static func rankHosts(_ entrants: [Entrant], forKey key: UInt64, depth: Int) -> Ranking {
        var ranking = Ranking(depth: depth)
        var host = 0
        var best = Ranking.Candidate.none
        for entrant in entrants {
            if entrant.host != host {
                ranking.insert(best)
                (host, best) = (entrant.host, .none)
            }
            let draw = Rendezvous.draw(key: key, member: entrant.hash)
            let bound = Rendezvous.lowerBound(draw: draw, inverseWeight: entrant.inverseWeight)
            guard bound <= ranking.last.cost.scaled else { continue }  // Most are out here, without a logarithm.
            let candidate = candidate(entrant, draw)
            if candidate.precedes(best) { best = candidate }
        }
        ranking.insert(best)
        return ranking
    }

    /// The best of all members, whatever their hosts.
    private static func rankMembers(_ entrants: [Entrant], forKey key: UInt64, depth: Int) -> Ranking {
        var ranking = Ranking(depth: depth)
        for entrant in entrants { ranking.insert(candidate(entrant, Rendezvous.draw(key: key, member: entrant.hash))) }
        return ranking
    }

    /// Hosts are too few for the slot's list: what is left of it goes to the best members not in it yet.
    private static func appendRest(of ranking: Ranking, upTo depth: Int, to table: inout [UInt16]) {
        let start = table.count - table.count % depth
        for rank in 0..<depth where table.count < start + depth && !table[start...].contains(ranking[rank]) {
            table.append(ranking[rank])
        }
    }

    private static func candidate(_ entrant: Entrant, _ draw: UInt64) -> Ranking.Candidate {
        Ranking.Candidate(
            cost: Rendezvous.cost(draw: draw, inverseWeight: entrant.inverseWeight), member: entrant.position)
    }
}
