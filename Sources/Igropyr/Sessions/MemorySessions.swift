internal import IgropyrText
internal import IgropyrUV

/// Keeps sessions in this process: they end with it, and other workers do not know them. In a cluster have the balancer
/// send a visitor to the same worker always (a hash key by cookie), or use ``SealedSessions``.
///
/// Bounded: of `limit` sessions those go first that were not used lately. Looking up and storing take constant time.
public final class MemorySessions: SessionStore {
    /// What was used since the older ones were set aside, and what was before: when the first have half the room, the
    /// second go.
    private struct Generations {
        var young: [String: SessionRecord] = [:]
        var old: [String: SessionRecord] = [:]
    }

    private let half: Int
    private let generations = Locked(Generations())

    public init(limit: Int = 100_000) {
        precondition(limit >= 2, "a limit on sessions is at least 2")
        half = limit / 2
    }

    /// Sessions that are kept now, including those whose time is over and that nobody has asked for since.
    public var count: Int { generations.withLock { $0.young.count + $0.old.count } }

    public func load(_ token: String) -> SessionRecord? {
        generations.withLock { generations in
            if let record = generations.young[token] { return record }
            guard let record = generations.old.removeValue(forKey: token) else { return nil }
            insert(record, token, &generations)
            return record
        }
    }

    public func save(_ record: SessionRecord, as token: String?) -> String {
        let token = token ?? RandomToken.make()
        generations.withLock { generations in
            generations.old[token] = nil
            insert(record, token, &generations)
        }
        return token
    }

    public func remove(_ token: String) {
        generations.withLock { generations in
            generations.young[token] = nil
            generations.old[token] = nil
        }
    }

    private func insert(_ record: SessionRecord, _ token: String, _ generations: inout Generations) {
        if generations.young.count >= half {
            generations.old = generations.young
            generations.young = [:]
        }
        generations.young[token] = record
    }
}

/// 256 bits of the system's randomness, in base64url.
enum RandomToken {
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let words = (0..<4).map { _ in generator.next() }
        return Base64.urlText(words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })
    }
}
