/// All members as Serf sees them, in the order of their names: whatever walks over them needs no other.
struct SerfMemberTable: Sendable {
    private(set) var all: [SerfMember] = []

    var count: Int { all.count }

    /// Adds, replaces or, by nil, removes. The member's own name is `name`.
    subscript(name: String) -> SerfMember? {
        get {
            let place = place(of: name)
            return isMember(name, at: place) ? all[place] : nil
        }
        set {
            let place = place(of: name)
            switch (isMember(name, at: place), newValue) {
            case (true, let member?): all[place] = member
            case (true, nil): all.remove(at: place)
            case (false, let member?): all.insert(member, at: place)
            case (false, nil): break
            }
        }
    }

    private func isMember(_ name: String, at place: Int) -> Bool { place < all.count && all[place].name == name }

    /// Where a member of that name is, or would be.
    private func place(of name: String) -> Int {
        var low = 0
        var high = all.count
        while low < high {
            let middle = (low + high) / 2
            if all[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
