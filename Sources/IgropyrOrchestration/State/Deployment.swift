/// One application's entry in the replicated state: the last decision about it wins.
public struct Deployment: Hashable, Sendable {
    public var name: ApplicationName
    /// When it was decided; the greater replaces the lesser.
    public var timestamp: HybridTimestamp
    /// nil: the application was removed. Kept for ``ReplicatedState/tombstoneMilliseconds``, so that no peer brings it
    /// back.
    public var spec: DeploymentSpec?
    public var progress: RolloutProgress
    /// What operators have decided, the latest first, at most ``StateLimits/decisions``: this entry follows them all,
    /// those of its timestamp included. By that a host finds out that a decision made there counts no more. Empty from
    /// an earlier edition.
    public var decisions: [HybridTimestamp]
    /// What was deployed before, the latest first; at most ``StateLimits/history``, among them the last that stood.
    public var history: [PastDeployment]

    public init(
        name: ApplicationName, timestamp: HybridTimestamp, spec: DeploymentSpec?,
        progress: RolloutProgress = RolloutProgress(.deploy), decisions: [HybridTimestamp] = [],
        history: [PastDeployment] = []
    ) {
        self.name = name
        self.timestamp = timestamp
        self.spec = spec
        self.progress = progress
        self.decisions = decisions
        self.history = history
    }

    /// When it became what it is, by an operator's decision or by the hosts' own.
    public var changedAt: UnixTime { max(timestamp.time, progress.rolledBackAt ?? timestamp.time) }

    public var isTombstone: Bool { spec == nil }

    /// What a rollback goes back to; nil if nothing before it stood.
    public var lastStanding: DeploymentSpec? { history.first { $0.outcome == .stood }?.spec }

    /// Enters that this is what an operator has decided who knew `former`.
    mutating func follow(_ former: Deployment?) {
        var known = former?.decisions ?? []
        if known.isEmpty, let former { known = [former.timestamp.decision] }
        decisions = Array(([timestamp] + known).prefix(StateLimits.decisions))
    }

    /// Whether this was decided by who knew what an operator had decided in `former`, which then is in it or was
    /// replaced. What it does not remember counts as known.
    public func follows(_ former: Deployment) -> Bool { former.decisions.isEmpty || knows(0, of: former) }

    /// Whether it knew that decision of `former`. A list that is not full has forgotten none. One that is has forgotten
    /// the oldest only, by their order in the lists as by their times, which go back where a clock was far ahead and
    /// was set right.
    private func knows(_ index: Int, of former: Deployment) -> Bool {
        let decision = former.decisions[index]
        guard !decisions.isEmpty, !decisions.contains(decision) else { return true }
        let remembersOlder =
            decisions.count < StateLimits.decisions || decisions.contains { $0 < decision }
            || former.decisions[(index + 1)...].contains(where: decisions.contains)
        return !remembersOlder
    }

    /// Whether something that was decided at `host` counts no more, since a later decision was made without knowing of
    /// it, as on two sides of a partition.
    func hasDecision(of host: HostName, unknownTo later: Deployment) -> Bool {
        decisions.indices.contains { decisions[$0].origin == host && !later.knows($0, of: self) }
    }

    /// Whether an operator decided this who knew the latest decision in `other`, and that was not made by one who knew
    /// this; or when so many were decided since that it is not remembered.
    func supersedes(_ other: Deployment) -> Bool {
        guard let latest = decisions.first, let theirs = other.decisions.first, latest != theirs else { return false }
        guard !other.decisions.contains(latest) else { return false }
        return decisions.contains(theirs) || hasForgotten(theirs)
    }

    /// Whether it may have followed a decision that was made before all that it remembers. If it did not know that one,
    /// it counts for more all the same, as the later.
    private func hasForgotten(_ decision: HybridTimestamp) -> Bool {
        decisions.count == StateLimits.decisions && decisions.allSatisfy { $0 > decision }
    }

    /// The same entry above one that it ``supersedes(_:)`` and that has a later timestamp nevertheless: what is no
    /// decision, such as secrets under another key or a time that was set right, makes nothing older count. Several
    /// hosts may find so at the same time; what more was concluded from it then wins.
    func upheld(above other: Deployment, by host: HostName) -> Deployment {
        var entry = self
        entry.timestamp = other.timestamp.concluded(
            rank: Self.upheldRank + (timestamp.conclusion?.rank ?? 0), by: host)
        return entry
    }

    /// Above all that hosts conclude from one decision: that it failed, and that the rollback is complete.
    private static let upheldRank = 4

    /// The winner of two entries for one name, whichever comes first. Equal timestamps with different content come from
    /// a fault only; then the removal wins, else the content with the greater canonical bytes.
    func joined(with other: Deployment) -> Deployment {
        if timestamp != other.timestamp { return timestamp < other.timestamp ? other : self }
        if self == other { return self }
        guard !isTombstone, !other.isTombstone else { return isTombstone ? self : other }
        return canonicalBytes.lexicographicallyPrecedes(other.canonicalBytes) ? other : self
    }
}

/// What is missing in an entry of an earlier edition: that knew no rollouts, so it counts as complete.
extension Deployment: Codable {
    private enum CodingKeys: String, CodingKey { case name, timestamp, spec, progress, decisions, history }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        var complete = RolloutProgress(.deploy)
        complete.isComplete = true
        self.init(
            name: try container.decode(ApplicationName.self, forKey: .name),
            timestamp: try container.decode(HybridTimestamp.self, forKey: .timestamp),
            spec: try container.decodeIfPresent(DeploymentSpec.self, forKey: .spec),
            progress: try container.decodeIfPresent(RolloutProgress.self, forKey: .progress) ?? complete,
            decisions: try container.decodeIfPresent([HybridTimestamp].self, forKey: .decisions) ?? [],
            history: try container.decodeIfPresent([PastDeployment].self, forKey: .history) ?? [])
    }
}
