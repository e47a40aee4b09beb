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
    let deadline: Timestamp
    var acked: Set<String> = []
    var answered: Set<String> = []
}
