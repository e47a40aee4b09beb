public import IgropyrGossip
public import IgropyrUV

/// What happens in the cluster, as a member sees it.
public enum MembershipEvent: Sendable {
    case member(MemberEvent)
    case userEvent(UserEvent)
    /// Only without Serf (``GossipDelegate``); it may come several times.
    case userMessage([UInt8])
    /// Another member's, to be merged into ours; `isJoin`: the answer to our joining. Only without Serf.
    case userState([UInt8], isJoin: Bool)
    /// Answer with ``Membership/respond(to:with:)``.
    case query(Query)
    case joined(seed: Endpoint)
    /// Tried again later. `isKeyMismatch`: it most likely holds another key, or only one of us holds any.
    case joinFailed(seed: Endpoint, reason: String, isKeyMismatch: Bool)
    /// Another host uses this name, which may be ours.
    case nameConflict(name: String, address: SocketAddress)
    /// Most members know our name at this other address: we have shut down at once, and the events end.
    case nameLost(name: String, address: SocketAddress)
    /// An operator changed the cluster's keys; the first is the one in use. Keep them for the next start.
    case keysChanged([[UInt8]])
    /// The reader was too slow and events were dropped before this one: compare ``Membership/members``.
    case lagged
}
