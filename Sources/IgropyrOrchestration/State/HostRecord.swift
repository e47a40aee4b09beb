/// What a host says about itself. Only the host writes it; the others keep the greatest version.
public struct HostRecord: Hashable, Sendable, Codable {
    /// A host that restarts begins a new epoch, and with it supersedes all it said before.
    public struct Version: Hashable, Comparable, Sendable, Codable {
        /// The start of the host's agent, in milliseconds since 1970; more when an older record claims to be newer.
        public var epoch: Int64
        /// Counts the changes within the epoch.
        public var counter: Int64

        public init(epoch: Int64, counter: Int64) {
            self.epoch = epoch
            self.counter = counter
        }

        public static func < (left: Version, right: Version) -> Bool {
            (left.epoch, left.counter) < (right.epoch, right.counter)
        }
    }

    public var name: HostName
    public var version: Version
    /// Where its control API listens: an IP address.
    public var address: String
    public var controlPort: UInt16
    public var cores: UInt16
    /// Its weight in placement; by default its cores.
    public var capacity: UInt16
    /// Set while an operator empties the host: it gets no workers, and its own drain.
    public var isDraining: Bool
    /// Set while an operator keeps new workers away: it keeps those that it has. nil: no.
    public var isCordoned: Bool?
    public var tags: [String: String]
    public var bundles: [BundleDigest]
    /// Those of deployments that hold no program for its machine, as far as it has found out; nil: none.
    public var misfits: [BundleDigest]?
    /// For people: what goes wrong on the host at present, such as a full disk; nil: nothing.
    public var problems: [String]?
    public var workers: [WorkerRecord]

    public init(
        name: HostName, version: Version = Version(epoch: 0, counter: 0), address: String, controlPort: UInt16,
        cores: UInt16, capacity: UInt16? = nil, isDraining: Bool = false, tags: [String: String] = [:],
        bundles: [BundleDigest] = [], workers: [WorkerRecord] = []
    ) {
        self.name = name
        self.version = version
        self.address = address
        self.controlPort = controlPort
        self.cores = cores
        self.capacity = capacity ?? cores
        self.isDraining = isDraining
        self.tags = tags
        self.bundles = bundles
        self.workers = workers
    }

    /// Whether it has found out that the bundle holds no program for its machine.
    public func hasNothing(of bundle: BundleDigest) -> Bool { misfits?.contains(bundle) == true }

    /// The newer of two records of one host. Equal versions with different content mean that two hosts use one name;
    /// then the greater canonical bytes win, so that all peers at least agree.
    func joined(with other: HostRecord) -> HostRecord {
        if version != other.version { return version < other.version ? other : self }
        if self == other { return self }
        return canonicalBytes.lexicographicallyPrecedes(other.canonicalBytes) ? other : self
    }
}

/// What a host says about one of its workers.
public struct WorkerRecord: Hashable, Sendable, Codable {
    public enum State: String, Hashable, Sendable, Codable, CaseIterable {
        case starting, ready, draining
        /// Died, and waits for the next try.
        case backoff
        /// Will not be tried again before the deployment changes.
        case failed
    }

    public var application: ApplicationName
    public var index: Int
    public var revision: BundleDigest
    /// Where it takes requests: an IP address.
    public var address: String
    public var port: UInt16
    public var state: State
    /// 0 while there is no process.
    public var pid: Int32
    public var restarts: Int
    /// For people: why it is in its state; may be empty.
    public var message: String
    /// By the host's own clock.
    public var startedAt: UnixTime?
    /// When it is tried again, by the host's own clock; nil while that is not waited for, likewise from an earlier
    /// edition.
    public var nextTryAt: UnixTime?
    /// Of the spec that it was started with; nil from an earlier edition.
    public var fingerprint: String?
    /// Whether it has been found good; nil from an earlier edition.
    public var gate: HealthGate.Verdict?
    /// It died more often than its restart policy allows, and has not stayed ready for a whole period since; nil: no.
    public var isLooping: Bool?
    /// Whether it takes requests by TLS only, under keys made from the cluster's; nil: no.
    public var isEncrypted: Bool?

    public init(
        application: ApplicationName, index: Int, revision: BundleDigest, address: String, port: UInt16, state: State,
        pid: Int32 = 0, restarts: Int = 0, message: String = "", startedAt: UnixTime? = nil,
        nextTryAt: UnixTime? = nil, fingerprint: String? = nil, gate: HealthGate.Verdict? = nil, isLooping: Bool? = nil,
        isEncrypted: Bool? = nil
    ) {
        self.application = application
        self.index = index
        self.revision = revision
        self.address = address
        self.port = port
        self.state = state
        self.pid = pid
        self.restarts = restarts
        self.message = message
        self.startedAt = startedAt
        self.nextTryAt = nextTryAt
        self.fingerprint = fingerprint
        self.gate = gate
        self.isLooping = isLooping
        self.isEncrypted = isEncrypted
    }
}

extension WorkerRecord {
    /// Its host has not got its bundle: there is no worker yet, and so no socket. One that the bundle has no program
    /// for has failed, and awaits none.
    public var awaitsBundle: Bool { port == 0 && state == .backoff }

    /// Its place on the host that tells of it.
    public func slot(on host: HostName) -> WorkerSlot {
        WorkerSlot(application: application, host: host, index: index)
    }
}

/// A place for a worker, kept through restarts and revisions; the balancers' ring member.
public struct WorkerSlot: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    public var application: ApplicationName
    public var host: HostName
    /// Counts the application's workers on the host, from 0.
    public var index: Int

    public init(application: ApplicationName, host: HostName, index: Int) {
        self.application = application
        self.host = host
        self.index = index
    }

    /// `application/host/index`: names the ring member.
    public var id: String { "\(application)/\(host)/\(index)" }
    public var description: String { id }

    public static func < (left: WorkerSlot, right: WorkerSlot) -> Bool {
        (left.application, left.host, left.index) < (right.application, right.host, right.index)
    }
}
