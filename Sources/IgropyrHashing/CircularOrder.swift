/// Preference lists where the entries of a table stand in a circle: a key's owner is asked first, then whoever owns the
/// following entries, those on hosts not yet asked before others.
struct CircularOrder {
    /// Members in the order in which they come next, as seen from one entry.
    private struct Followers {
        private(set) var members = InlineArray<8, UInt16>(repeating: 0)
        private(set) var count = 0
        private let limit: Int

        init(limit: Int) { self.limit = limit }

        /// Puts a member first and takes out the one that `isReplaced`; with none such, the last may fall out.
        mutating func prepend(_ member: UInt16, replacing isReplaced: (UInt16) -> Bool) {
            var index = 0
            while index < count, !isReplaced(members[index]) { index += 1 }
            if index == count {
                if count < limit { count += 1 } else { index -= 1 }
            }
            while index > 0 {
                members[index] = members[index - 1]
                index -= 1
            }
            members[0] = member
        }

        func contains(_ member: UInt16) -> Bool {
            for index in 0..<count where members[index] == member { return true }
            return false
        }
    }

    /// The lists of entries with these owners, each of which is a position in the roster and owns one at least.
    static func lists(_ owners: [UInt16], _ roster: Roster, depth asked: Int) -> PreferenceLists {
        let depth = roster.depth(asked: asked)
        let hosts = roster.hosts()
        let distinctHosts = min(depth, hosts.count)
        var positions = [UInt16](repeating: 0, count: owners.count * depth)
        guard depth > 0 else { return PreferenceLists(depth: 0, lists: []) }
        // Backwards: an entry's list is the next one's with its own owner put first. The first round is for the last
        // entries, which the first ones follow.
        var ofHosts = Followers(limit: distinctHosts)
        var ofAll = Followers(limit: depth)
        for index in (0..<2 * owners.count).reversed() {
            let entry = index % owners.count
            let owner = owners[entry]
            ofHosts.prepend(owner) { hosts.numbers[Int($0)] == hosts.numbers[Int(owner)] }
            if distinctHosts < depth { ofAll.prepend(owner) { $0 == owner } }
            guard index < owners.count else { continue }
            for rank in 0..<distinctHosts { positions[entry * depth + rank] = ofHosts.members[rank] }
            var rank = distinctHosts
            for next in 0..<ofAll.count where rank < depth && !ofHosts.contains(ofAll.members[next]) {
                positions[entry * depth + rank] = ofAll.members[next]
                rank += 1
            }
        }
        return PreferenceLists(depth: depth, lists: positions)
    }
}
