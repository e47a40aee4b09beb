internal import IgropyrTime

/// How many members may die in a second because others say so: a quarter of all, and one at least.
///
/// A packet can claim of every member that it is dead, or has left. What goes beyond the budget counts as a suspicion,
/// which the accused refutes; whoever is dead will be found dead.
struct DeathBudget: Sendable {
    static let window = Duration.seconds(1)

    private var start = Timestamp.zero
    private var taken = 0

    /// True if one more may die. `memberCount`: ourselves included.
    mutating func take(of memberCount: Int, at now: Timestamp) -> Bool {
        if start.duration(to: now) >= Self.window {
            start = now
            taken = 0
        }
        guard taken < max(1, memberCount / 4) else { return false }
        taken += 1
        return true
    }
}
