/// A member of the cluster.
public struct Member: Hashable, Sendable {
    public enum Status: Hashable, Sendable {
        case alive
        /// It announced that it leaves.
        case leaving
        /// It announced that it leaves, and is gone.
        case left
        /// Gone without a word, or unreachable.
        case failed
    }

    public let name: String
    public let address: MemberAddress
    /// Serf's; empty without it.
    public let tags: [String: String]
    /// As it travels; with Serf, the tags encoded.
    public let metadata: [UInt8]
    public let status: Status
}

/// A change in the list of members, about others only.
public struct MemberEvent: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// New, or back.
        case joined
        /// Its tags changed.
        case updated
        case left
        case failed
        /// Forgotten, long after it left or failed, or on request.
        case reaped
    }

    public let kind: Kind
    public let member: Member
}
