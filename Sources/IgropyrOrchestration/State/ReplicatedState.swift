/// What the hosts of a cluster agree on: which applications are deployed, which certificates balancers show, and what
/// each host says about itself.
///
/// CRDTs, no leader: per application and per certificate the last decision wins, per host the owner's latest word.
/// Peers compare ``digest``s and send each other what the other lacks (``delta(for:of:maximumBytes:)``); so all arrive
/// at the same state, whatever is lost, repeated or reordered.
public struct ReplicatedState: Hashable, Sendable {
    /// 7 days: how long the tombstone of a removed application, or certificate, is kept. A host that was away for
    /// longer, and comes back with the application still deployed, deploys it again: better found once too often than
    /// lost.
    public static let tombstoneMilliseconds: Int64 = 7 * 24 * 3600 * 1000

    public private(set) var deployments: [ApplicationName: Deployment] = [:]
    public private(set) var hosts: [HostName: HostRecord] = [:]
    public private(set) var certificates: [CertificateName: Certificate] = [:]

    public init() {}

    /// What is deployed now, without tombstones.
    public var liveDeployments: [ApplicationName: DeploymentSpec] { deployments.compactMapValues(\.spec) }

    /// Bundles that a deployment needs, or a rollback to one that stood.
    public var referencedBundles: Set<BundleDigest> {
        var bundles: Set<BundleDigest> = []
        for deployment in deployments.values {
            if let spec = deployment.spec { bundles.insert(spec.revision) }
            for past in deployment.history where past.outcome == .stood { bundles.insert(past.spec.revision) }
        }
        return bundles
    }

    /// Of each application that is deployed, the bundles of this and earlier deployments: the latest first, each once.
    public var revisions: [ApplicationName: [BundleDigest]] {
        deployments.compactMapValues { deployment in
            guard let spec = deployment.spec else { return nil }
            var known: Set<BundleDigest> = []
            return ([spec] + deployment.history.map(\.spec)).map(\.revision).filter { known.insert($0).inserted }
        }
    }

    /// The join of two states: commutative, associative, idempotent. Checks nothing: for what peers send there is
    /// ``apply(_:at:clock:knownHosts:)``.
    public mutating func merge(_ other: ReplicatedState) {
        deployments.merge(other.deployments) { $0.joined(with: $1) }
        hosts.merge(other.hosts) { $0.joined(with: $1) }
        certificates.merge(other.certificates) { $0.joined(with: $1) }
    }

    /// Drops tombstones older than ``tombstoneMilliseconds``. Call it about once an hour.
    public mutating func collectTombstones(at now: UnixTime) {
        deployments = deployments.filter { !$0.value.hasExpired(at: now) }
        certificates = certificates.filter { !$0.value.hasExpired(at: now) }
    }

    /// Drops the records of hosts that membership no longer knows, neither as alive nor as failed nor as left.
    public mutating func forgetHosts(except known: Set<HostName>) {
        hosts = hosts.filter { known.contains($0.key) }
    }

    // The doors of `ReplicatedState+Local` and `ReplicatedState+Exchange`, which check what goes in.

    mutating func store(_ deployment: Deployment) { deployments[deployment.name] = deployment }
    mutating func store(_ record: HostRecord) { hosts[record.name] = record }
    mutating func store(_ certificate: Certificate) { certificates[certificate.name] = certificate }
}
