/// Who uses the room that memberlist leaves in its messages: metadata, user messages, user state (memberlist's
/// `Delegate`).
public enum GossipDelegate: Sendable {
    /// Serf: tags, intents, user events, queries. Agents of Serf are members, too.
    case serf
    /// The application, which then is a member of any cluster of memberlist's: Alertmanager's, say.
    case application(ApplicationDelegate)

    var isSerf: Bool { if case .serf = self { true } else { false } }

    var versions: Versions {
        switch self {
        case .serf: .ours
        case .application(let delegate): Versions(delegate)
        }
    }
}

/// What a cluster without Serf says of a member besides its name and address. memberlist's programs mostly say nothing.
public struct ApplicationDelegate: Sendable {
    /// At most 512 bytes (`NodeMeta`).
    public var metadata: [UInt8] = []
    /// The versions of what the application says over memberlist; members that cannot speak each other's are kept
    /// apart.
    public var minimumVersion: UInt8 = 0
    public var maximumVersion: UInt8 = 0
    public var currentVersion: UInt8 = 0

    public init() {}
}

/// Whom a member believes in.
public struct AdmissionPolicy: Sendable {
    /// Whether this member may be there; otherwise whatever is said of it being alive is ignored and counted. Asked
    /// each time, about known members, too, never about ourselves (`AliveDelegate`).
    public var admits: @Sendable (Member) -> Bool = { _ in true }
    /// Whether to take over another member's whole list; otherwise nothing of it is (`MergeDelegate`).
    public var merges: @Sendable ([Member]) -> Bool = { _ in true }

    public init() {}
}
