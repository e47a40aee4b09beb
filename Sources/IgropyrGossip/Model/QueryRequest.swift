/// What to ask, and whom. Whoever matches `names` and `tags` acknowledges it, and may answer.
public struct QueryRequest: Hashable, Sendable {
    /// What Serf keeps for itself.
    public static let reservedPrefix = "_serf_"

    public var name: String
    public var payload: [UInt8] = []
    /// Only these members; nil for all.
    public var names: [String]?
    /// Only members whose tag of this name matches the regular expression: RE2 for agents, `Pattern` for ours.
    public var tags: [String: String] = [:]
    /// Through how many other members each answer comes besides, for networks that lose much; at most 255.
    public var relayFactor = 0
    /// Nil for Serf's default, which grows with the cluster.
    public var timeout: Duration?

    public init(_ name: String, payload: [UInt8] = []) {
        self.name = name
        self.payload = payload
    }

    var filters: [[UInt8]]? {
        let filters =
            (names.map { [QueryFilter.encode(names: $0)] } ?? [])
            + tags.sorted { $0.key < $1.key }.map { QueryFilter.encode(tag: $0.key, expression: $0.value) }
        return filters.isEmpty ? nil : filters
    }
}

/// A query of ours that was sent.
public struct SentQuery: Sendable {
    public let id: Query.ID
    /// Who should answer: the members that are alive and match, as far as we know them; by name.
    public let asked: [String]
    public let directives: [Directive]
}

/// A change to the keyring of every member, or a look at it. A key has 16, 24 or 32 bytes.
public enum KeyOperation: Hashable, Sendable {
    /// From now on, messages sealed with it can be read.
    case install([UInt8])
    /// Seal with this one, which is installed.
    case use([UInt8])
    /// Forget it; the one in use stays.
    case remove([UInt8])
    case list

    var request: (command: KeyCommand, key: [UInt8]) {
        switch self {
        case .install(let key): (.install, key)
        case .use(let key): (.use, key)
        case .remove(let key): (.remove, key)
        case .list: (.list, [])
        }
    }
}
