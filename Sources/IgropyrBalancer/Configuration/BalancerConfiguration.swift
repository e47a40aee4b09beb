public import IgropyrConfiguration
public import IgropyrInsight
import IgropyrTransport
public import IgropyrOrchestration

/// What a balancer's configuration file says: values only, nothing opened or resolved. `docs/balancer.md` has its keys.
public struct BalancerConfiguration: Sendable {
    /// A worker outside any cluster.
    public struct FixedUpstream: Sendable, Hashable {
        /// Resolved when the balancer starts.
        public var address: NetworkAddress
        public var weight: UInt16 = 1

        public init(address: NetworkAddress, weight: UInt16 = 1) {
            self.address = address
            self.weight = weight
        }
    }

    public struct Application: Sendable, Hashable {
        /// Nil for an application of the cluster.
        public var upstreams: [FixedUpstream]?
        public var connection = UpstreamConnection()
        /// All but ``ApplicationSettings/connections``, which ``BalancerConfiguration/rules(on:)`` makes.
        public var settings = ApplicationSettings()

        public init() {}
    }

    /// At least one.
    public var listeners = [ListenerSettings(address: NetworkAddress(host: "127.0.0.1", port: 8080))]
    /// Threads; nil for as many as there are processors.
    public var loops: Int?
    public var applications: [ApplicationName: Application] = [:]
    /// As in the file; they go before the routes of the cluster's deployments.
    public var routes: [RouteRule] = []
    /// Answers what no route matches; nil for 404.
    public var defaultApplication: ApplicationName?
    public var forwarded = ForwardedPolicy()
    public var limits = ClientLimits()
    public var retryBudget = RetryBudget.Settings()
    /// How long a request waits for a worker while there is none; then 503.
    public var holdTime = Duration.seconds(2)
    /// Bytes of a request's body kept to repeat it.
    public var repeatableBodyBytes = 64 << 10
    /// How long requests under way have when the balancer is ended.
    public var drainTimeout = Duration.seconds(30)
    /// Nil for none.
    public var accessLog: AccessLog?

    public init() {}

    /// Reads a file's bytes.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - file: Its name, for errors.
    /// - Throws: All that is wrong with it, with lines.
    public init(_ bytes: [UInt8], file: String) throws(ConfigurationError) {
        self = try Schema.balancer.read(bytes, file: file)
    }

    /// Applications that only a cluster can have: they are named, and no upstreams are given for them.
    public var clusterApplications: Set<ApplicationName> {
        var names = Set(applications.filter { $0.value.upstreams == nil }.keys)
        for case .application(let name) in routes.map(\.action) where applications[name] == nil { names.insert(name) }
        if let defaultApplication, applications[defaultApplication] == nil { names.insert(defaultApplication) }
        return names
    }

    /// Applications with upstreams of their own that no request can get to: neither a route nor ``defaultApplication``
    /// names them.
    public var unreachableApplications: Set<ApplicationName> {
        var names = Set(applications.filter { $0.value.upstreams != nil }.keys)
        for case .application(let name) in routes.map(\.action) { names.remove(name) }
        if let defaultApplication { names.remove(defaultApplication) }
        return names
    }

    /// Sets what ``BalancerSettings`` hold for all applications; its address and loops stay.
    public func apply(to settings: inout BalancerSettings) {
        settings.retryBudget = retryBudget
        settings.holdTime = holdTime
        settings.repeatableBodyBytes = repeatableBodyBytes
        settings.server.connections = limits.connections
        settings.server.limits.headBytes = limits.headBytes
        settings.server.requestsPerConnection = limits.requestsPerConnection
        settings.server.headTimeout = limits.headTimeout
        settings.server.idleTimeout = limits.idleTimeout
        settings.server.progressTimeout = limits.progressTimeout
        settings.connectionsPerClient = limits.connectionsPerClient
        settings.bodyBytes = limits.bodyBytes.map { UInt64($0) }
        settings.requestRate = limits.requestsPerSecond.map {
            RateLimitSettings(requestsPerSecond: $0, burst: max(1, limits.requestBurst))
        }
        settings.forwarded = forwarded
    }
}
