/// One application's entry in the replicated state: the last decision about it wins.
public struct Deployment: Hashable, Sendable, Codable {
    public var name: ApplicationName
    /// When it was decided; the greater replaces the lesser.
    public var timestamp: HybridTimestamp
    /// nil: the application was removed. Kept for ``ReplicatedState/tombstoneMilliseconds``, so that no peer brings it back.
    public var spec: DeploymentSpec?

    public init(name: ApplicationName, timestamp: HybridTimestamp, spec: DeploymentSpec?) {
        self.name = name
        self.timestamp = timestamp
        self.spec = spec
    }

    public var isTombstone: Bool { spec == nil }

    /// The winner of two entries for one name, whichever comes first. Equal timestamps with different content come from a
    /// fault only; then the removal wins, else the content with the greater canonical bytes.
    func joined(with other: Deployment) -> Deployment {
        if timestamp != other.timestamp { return timestamp < other.timestamp ? other : self }
        guard let spec, let otherSpec = other.spec else { return isTombstone ? self : other }
        if spec == otherSpec { return self }
        return spec.canonicalBytes.lexicographicallyPrecedes(otherSpec.canonicalBytes) ? other : self
    }
}
