internal import IgropyrTime

/// Two hosts with one name: the rest of the cluster decides who keeps it.
extension Gossip {
    /// Between two polls: the other host's claims keep coming.
    private static let pollInterval = Duration.seconds(10)

    mutating func askWhoOwnsOurName(at now: Timestamp) {
        guard resolvesNameConflicts, !departure.isUnderway, now >= nextConflictPoll else { return }
        nextConflictPoll = now.advanced(by: Self.pollInterval)
        let pending = directives  // `ask` hands out all there are.
        directives = []
        let asked = try? ask(QueryRequest("_serf_conflict", payload: Array(name.utf8)), for: .conflict, at: now)
        directives = pending + (asked?.directives ?? [])
    }

    /// Only members that we know to be alive have a say, so that no packet can vote in the name of many.
    mutating func handleConflictAnswer(_ response: QueryResponseMessage, to id: Query.ID) {
        guard response.from != name, serfMembers[response.from]?.status == .alive else { return }
        do throws(WireError) {
            guard let claimed = try ConflictResponse.address(of: name, in: response.payload ?? []) else { return }
            ownQueries[id]?.claims[claimed, default: 0] += 1
        } catch {
            counters.count(error)
        }
    }

    /// Whoever most of the answers name keeps the name. Where nobody answers, as with two hosts only, both stay.
    mutating func settleConflict(_ query: OwnQuery) {
        let answers = query.claims.values.reduce(0, +)
        let forUs = query.claims[address] ?? 0
        let other = query.claims.filter { $0.key != address }.max { ($0.value, $1.key) < ($1.value, $0.key) }
        guard let other, forUs < answers / 2 + 1, !departure.isUnderway else { return }
        directives.append(.nameLost(to: other.key))
    }
}

extension MemberAddress: Comparable {
    /// By their bytes; for an order that does not change from run to run.
    public static func < (left: MemberAddress, right: MemberAddress) -> Bool {
        left.bytes == right.bytes ? left.port < right.port : left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
