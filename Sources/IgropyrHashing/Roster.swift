/// The members of a table, the same whatever the order in which they were discovered.
struct Roster: Sendable, Equatable {
    /// The number of each member's host, counted from 0 and parallel to the members.
    struct Hosts {
        var numbers: [UInt16] = []
        var count = 0
    }

    /// Those with a weight above zero, each id once, in the order of their ids.
    let members: [KeyTable.Member]

    /// Of members with the same id, the one with the least host, then the least weight, is taken.
    init(_ offered: [KeyTable.Member]) {
        var distinct: [KeyTable.Member] = []
        for member in offered.filter({ $0.weight > 0 }).sorted(by: Self.precedes) where member.id != distinct.last?.id {
            distinct.append(member)
        }
        members = Array(distinct.prefix(KeyTable.maximumMembers))
    }

    /// The length of the preference lists when this one is asked for.
    func depth(asked: Int) -> Int { min(max(1, asked), KeyTable.maximumDepth, members.count) }

    func hosts() -> Hosts {
        var hosts = Hosts()
        var known: [String: UInt16] = [:]
        for member in members {
            let number = known[member.host] ?? UInt16(known.count)
            known[member.host] = number
            hosts.numbers.append(number)
        }
        hosts.count = known.count
        return hosts
    }

    private static func precedes(_ left: KeyTable.Member, _ right: KeyTable.Member) -> Bool {
        left.id == right.id
            ? (left.host, left.weight) < (right.host, right.weight)
            : left.id < right.id
    }
}

/// Who came and who went between two rosters. A member whose host or weight differs has gone and come.
struct RosterChange {
    /// For each position in the old roster that in the new one; nil for those who went.
    private(set) var moves: [UInt16?] = []
    /// Positions in the new roster.
    private(set) var newcomers: [UInt16] = []

    init(from old: Roster, to new: Roster) {
        moves.reserveCapacity(old.members.count)
        var next = 0
        for member in old.members {
            while next < new.members.count, new.members[next].id < member.id { pass(&next) }
            if next < new.members.count, new.members[next] == member {
                moves.append(UInt16(next))
                next += 1
            } else {
                moves.append(nil)
            }
        }
        while next < new.members.count { pass(&next) }
    }

    private mutating func pass(_ position: inout Int) {
        newcomers.append(UInt16(position))
        position += 1
    }
}
