/// Which version of each entry a host has: what it sends to ask for the rest.
public struct StateDigest: Hashable, Sendable, Codable {
    /// Of the format.
    public var version: Int
    public var deployments: [ApplicationName: HybridTimestamp]
    public var hosts: [HostName: HostRecord.Version]
    /// nil from an earlier edition, which is sent none.
    public var certificates: [CertificateName: HybridTimestamp]?

    public init(
        deployments: [ApplicationName: HybridTimestamp] = [:], hosts: [HostName: HostRecord.Version] = [:],
        certificates: [CertificateName: HybridTimestamp] = [:]
    ) {
        version = StateDelta.currentVersion
        self.deployments = deployments
        self.hosts = hosts
        self.certificates = certificates
    }
}

/// Entries of a replicated state: what a peer lacks, or, as a file, all of it.
public struct StateDelta: Hashable, Sendable, Codable {
    public static let currentVersion = 1

    /// Of the format.
    public var version: Int
    /// In the order of their names, likewise the others.
    public var deployments: [Deployment]
    public var hosts: [HostRecord]
    /// nil if there are none.
    public var certificates: [Certificate]?
    /// false if it was cut to a size: exchange again at once.
    public var isComplete: Bool

    public init(
        deployments: [Deployment] = [], hosts: [HostRecord] = [], certificates: [Certificate]? = nil,
        isComplete: Bool = true
    ) {
        version = Self.currentVersion
        self.deployments = deployments
        self.hosts = hosts
        self.certificates = certificates
        self.isComplete = isComplete
    }

    public var isEmpty: Bool { deployments.isEmpty && hosts.isEmpty && certificates?.isEmpty ?? true }
}

/// What came of applying a delta.
public struct StateChange: Hashable, Sendable {
    /// Entries that are different now.
    public var deployments: [ApplicationName] = []
    public var hosts: [HostName] = []
    public var certificates: [CertificateName] = []
    /// Of ``deployments`` those that a peer's entry did not replace, late though it was, since they were decided by who
    /// knew what it stands for: the peers have yet to hear that.
    public var upheld: [ApplicationName] = []
    /// What was decided at this host and counts no more, for a later decision by who did not know of it.
    public var overruled: [Deployment] = []
    /// Entries that were not taken, and why: count them, log them.
    public var refusals: [Refusal] = []

    public init() {}

    public var isEmpty: Bool { deployments.isEmpty && hosts.isEmpty && certificates.isEmpty }
}
