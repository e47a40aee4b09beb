/// What to run, how often, where, and for which requests.
public struct DeploymentSpec: Hashable, Sendable, Codable {
    /// What a bundle holds. As JSON `{"site": {}}` or `{"executable": {"entry": "bin/Hello"}}`.
    public enum Kind: Hashable, Sendable, Codable {
        /// A folder of files, served by the node's own worker.
        case site
        /// A program; `entry` is its path within the bundle.
        case executable(entry: String)
    }

    /// How many workers run in the whole cluster.
    public enum Scale: Hashable, Sendable {
        case perHost(Int)
        /// On each host as many as it has cores.
        case perCore
        case total(Int)
    }

    public var revision: BundleDigest
    public var kind: Kind
    public var arguments: [String]
    public var environment: [String: String]
    public var scale: Scale
    /// Tags that a host must have, each with that value, to run workers of it.
    public var constraints: [String: String]
    /// Tags that hosts had better have, each with that value: of a total, hosts with more of them get the first
    /// workers.
    public var preferences: [String: String]
    public var route: Route
    /// Beside ``route``.
    public var furtherRoutes: [Route]
    /// What balancers tell its workers' keys by, unless their own files say; nil: as they have it.
    public var hashKey: HashKey?
    public var confinement: Confinement
    /// Whether its workers take requests by TLS only, under keys made from the cluster's.
    public var isEncrypted = false
    /// By name. Their values are given to a node beside the spec.
    public var secrets: [String: Secret]
    /// nil: a worker is ready when it says so, and well for as long as it runs.
    public var health: HealthCheck?
    /// How long a worker may take to drain after `SIGTERM` before it is killed.
    public var stopTimeoutMilliseconds: Int
    /// How long a worker may take to say that it is ready.
    public var startTimeoutMilliseconds: Int
    public var restart: RestartPolicy
    /// How often a worker that is ready must say that it is alive (`WATCHDOG=1`), lest it be killed; nil: it need not.
    public var watchdogMilliseconds: Int?
    /// nil: the defaults.
    public var update: UpdatePolicy?
    /// Counts the times that an operator had all workers restarted; nil: never.
    public var generation: Int?

    public init(
        revision: BundleDigest, kind: Kind, arguments: [String] = [], environment: [String: String] = [:],
        scale: Scale = .perHost(1), constraints: [String: String] = [:],
        preferences: [String: String] = [:], route: Route = .everything, furtherRoutes: [Route] = [],
        hashKey: HashKey? = nil, confinement: Confinement = Confinement(), secrets: [String: Secret] = [:],
        health: HealthCheck? = nil, stopTimeoutMilliseconds: Int = 30_000,
        startTimeoutMilliseconds: Int = 60_000,
        restart: RestartPolicy = RestartPolicy()
    ) {
        self.revision = revision
        self.kind = kind
        self.arguments = arguments
        self.environment = environment
        self.scale = scale
        self.constraints = constraints
        self.preferences = preferences
        self.route = route
        self.furtherRoutes = furtherRoutes
        self.hashKey = hashKey
        self.confinement = confinement
        self.secrets = secrets
        self.health = health
        self.stopTimeoutMilliseconds = stopTimeoutMilliseconds
        self.startTimeoutMilliseconds = startTimeoutMilliseconds
        self.restart = restart
    }

    public var routes: [Route] { [route] + furtherRoutes }
    public var updatePolicy: UpdatePolicy { update ?? UpdatePolicy() }

    /// What a worker of it is started with; a change of it replaces the worker.
    public var worker: WorkerSpec {
        WorkerSpec(
            revision: revision, kind: kind, arguments: arguments, environment: environment,
            confinement: confinement, isEncrypted: isEncrypted,
            secrets: secrets.mapValues { WorkerSecret(secret: $0) }, health: health,
            stopTimeoutMilliseconds: stopTimeoutMilliseconds, startTimeoutMilliseconds: startTimeoutMilliseconds,
            restart: restart, watchdogMilliseconds: watchdogMilliseconds, generation: generation ?? 0)
    }

    /// One whose workers are started with this.
    init(_ worker: WorkerSpec) {
        self.init(
            revision: worker.revision, kind: worker.kind, arguments: worker.arguments, environment: worker.environment,
            confinement: worker.confinement, secrets: worker.secrets.mapValues(\.secret), health: worker.health,
            stopTimeoutMilliseconds: worker.stopTimeoutMilliseconds,
            startTimeoutMilliseconds: worker.startTimeoutMilliseconds, restart: worker.restart)
        isEncrypted = worker.isEncrypted
        watchdogMilliseconds = worker.watchdogMilliseconds
        generation = worker.generation == 0 ? nil : worker.generation
    }
}

/// What one worker is started with: the part of a ``DeploymentSpec`` that is the same wherever it runs.
public struct WorkerSpec: Hashable, Sendable {
    public var revision: BundleDigest
    public var kind: DeploymentSpec.Kind
    public var arguments: [String]
    public var environment: [String: String]
    public var confinement: Confinement
    public var isEncrypted: Bool
    public var secrets: [String: WorkerSecret]
    public var health: HealthCheck?
    public var stopTimeoutMilliseconds: Int
    public var startTimeoutMilliseconds: Int
    public var restart: RestartPolicy
    public var watchdogMilliseconds: Int?
    public var generation: Int

    public var stopTimeout: Duration { .milliseconds(stopTimeoutMilliseconds) }
    public var startTimeout: Duration { .milliseconds(startTimeoutMilliseconds) }
    public var watchdog: Duration? { watchdogMilliseconds.map { .milliseconds($0) } }

    /// Whether nothing but secrets' values was changed, or all workers restarted, between the two.
    public func differsAtMostInSecretsOrStarts(from other: WorkerSpec) -> Bool {
        guard secrets.mapValues(\.secret.delivery) == other.secrets.mapValues(\.secret.delivery) else { return false }
        var alike = self
        (alike.secrets, alike.generation) = (other.secrets, other.generation)
        return alike == other
    }
}
