public import FoundationEssentials

// What the control API asks and tells of the gossip. Streams are JSON lines; an empty one is a sign of life.

/// Who gossips, as one member sees it: the answer to `GET /v1/members`.
public struct MembersReport: Codable, Sendable, Hashable {
    public struct Member: Codable, Sendable, Hashable {
        public var name: String
        /// Where it gossips.
        public var address: String
        public var status: StatusReport.Host.Status
        public var role: StatusReport.Host.Role
        /// As it gossips them.
        public var tags: [String: String]
        /// From the host that was asked, by network coordinates, in milliseconds; nil while it is unknown.
        public var roundTrip: Double?
    }

    /// Of the format.
    public var version = ControlAPI.version
    /// The host that was asked.
    public var host: String
    /// By name.
    public var members: [Member]
}

/// One line of `GET /v1/events`.
public enum EventLine: Codable, Sendable, Hashable {
    /// The first: who is there; what follows has happened since.
    case started(host: String, members: [MembersReport.Member])
    /// `change` is joined, updated, left, failed or reaped.
    case member(change: String, member: MembersReport.Member)
    case userEvent(name: String, payload: Data, time: UInt64)
    case query(name: String, payload: Data, source: String)
    case joined(seed: String)
    case joinFailed(seed: String, reason: String)
    case nameConflict(name: String, address: String)
    case keysChanged(count: Int)
    /// Some were lost: the reader was too slow.
    case lagged
}

/// A user event to be sent.
public struct EventMessage: Codable, Sendable, Hashable {
    public var version = ControlAPI.version
    public var name: String
    public var payload: Data
    /// Whether only the last of several with this name matters.
    public var coalesces: Bool

    public init(name: String, payload: Data, coalesces: Bool) {
        self.name = name
        self.payload = payload
        self.coalesces = coalesces
    }
}

/// A query to be asked; without a name it is for acks alone, who can be reached.
public struct QuestionMessage: Codable, Sendable, Hashable {
    public var version = ControlAPI.version
    public var name: String?
    public var payload = Data()
    /// nil: all.
    public var members: [String]?
    /// Regular expressions by tag.
    public var tags: [String: String] = [:]
    public var relayFactor = 0
    /// In seconds; nil: Serf's default.
    public var timeout: Double?

    public init(name: String?) { self.name = name }
}

/// A change to the keys of all members.
public struct KeysMessage: Codable, Sendable, Hashable {
    public enum Action: String, Codable, Sendable { case list, add, use, remove }

    public var version = ControlAPI.version
    public var action: Action
    /// The key itself, or how a key that the node has begins when printed (``ClusterKey/fingerprint``); neither for
    /// `list`.
    public var key: Data?
    public var fingerprint: String?
    /// In seconds; nil: Serf's default.
    public var timeout: Double?

    public init(_ action: Action, key: ClusterKey? = nil, fingerprint: String? = nil) {
        self.action = action
        self.key = key.map { Data($0.bytes) }
        self.fingerprint = fingerprint
    }
}

/// One line of the answer to a ``QuestionMessage`` or a ``KeysMessage``.
public enum ReplyLine: Codable, Sendable, Hashable {
    /// The first: who should answer, as far as the node knows.
    case asked(members: [String])
    case acked(member: String)
    case answered(member: String, payload: Data)
    case keys(member: String, outcome: KeyOutcome)
    /// The last, unless the node had to stop: the time is up.
    case finished
}

/// What a member says to a ``KeysMessage``.
public struct KeyOutcome: Codable, Sendable, Hashable {
    public var isDone: Bool
    /// Why not, or more.
    public var message: String
    /// Of the keys that it has, the one in use first; for `list` only.
    public var fingerprints: [String]
}

/// Whose departure is declared.
public struct ForceLeaveMessage: Codable, Sendable, Hashable {
    public var version = ControlAPI.version
    public var name: String
    /// Whether it is to be forgotten, too.
    public var isPruning: Bool

    public init(name: String, isPruning: Bool) {
        self.name = name
        self.isPruning = isPruning
    }
}

/// How far members are from each other: the answer to `GET /v1/coordinates`.
public struct CoordinatesReport: Codable, Sendable, Hashable {
    public var version = ControlAPI.version
    /// The host that was asked.
    public var host: String
    /// From each member to each, itself excepted, in milliseconds; of those that have answered the host's pings.
    public var roundTrips: [String: [String: Double]]
}

/// A request that was carried out and has nothing to tell.
public struct DoneMessage: Codable, Sendable, Hashable {
    public var version = ControlAPI.version
}
