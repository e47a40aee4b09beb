internal import IgropyrTime

/// A query of somebody else's that the application may still answer.
struct ReceivedQuery: Sendable {
    let address: MemberAddress
    let relayFactor: Int
    let sourceNode: String
    let deadline: Timestamp
}

/// A query of ours that still takes answers; each member counts once.
struct OwnQuery: Sendable {
    enum Purpose: Sendable { case application, conflict }

    let purpose: Purpose
    let deadline: Timestamp
    var acked: Set<String> = []
    var answered: Set<String> = []
    /// Where the answers say that the member with our name is, and how many say so; for ``Purpose/conflict``.
    var claims: [MemberAddress: Int] = [:]

    init(purpose: Purpose, deadline: Timestamp) {
        self.purpose = purpose
        self.deadline = deadline
    }
}
