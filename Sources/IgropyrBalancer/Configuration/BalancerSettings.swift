public import IgropyrTransport
public import IgropyrUV

/// How a balancer listens and forwards. Limits are for each of its loops.
public struct BalancerSettings: Sendable {
    /// At least one; the first is ``Balancer/address``.
    public var listeners: [BalancerListener]
    /// Whether another process serves until this one is ready, and ends then: it has ``InsightSettings/admin`` until it
    /// does, and in a cluster it alone accepts.
    public var isSuccessor = false
    /// Threads that each accept, proxy and keep connections of their own; at least 1.
    public var loops = 1
    /// For applications that have none of their own.
    public var application = ApplicationSettings()
    /// What holds at the start; see ``Balancer/update(_:)`` and ``ClusterBalancer/update(_:)``.
    public var rules = TrafficRules()
    public var forwarded = ForwardedPolicy()
    /// Connections of one client over all loops; nil for no bound. Of IPv6 the first 64 bits make a client.
    public var connectionsPerClient: Int?
    /// Requests of one client over all loops, further ones are answered 429; nil for no bound.
    public var requestRate: RateLimitSettings?
    /// Bytes of a request's body, more is answered 413; nil for no bound, since bodies stream.
    public var bodyBytes: UInt64?
    public var retryBudget = RetryBudget.Settings()
    /// How long a request waits for a worker while there is none; then 503.
    public var holdTime = Duration.seconds(2)
    /// Bytes of a request's body kept to repeat it; a longer body goes through, but its request is sent once only.
    public var repeatableBodyBytes = 64 << 10
    public var server = HTTPServerSettings()
    public var client = HTTPClientSettings()
    public var insight = InsightSettings()

    public init(listen: SocketAddress) { self.init(listen: .address(listen)) }

    public init(listen: SocketSource) { self.init(listeners: [BalancerListener(listen)]) }

    public init(listeners: [BalancerListener]) {
        precondition(!listeners.isEmpty)
        self.listeners = listeners
        server.serverName = nil  // The worker's own is passed on.
        // Less than workers take by default, since fields are added.
        (server.limits.fields, server.limits.headBytes) = (100, 32 << 10)
        server.http2.allowsExtendedConnect = true  // WebSockets of HTTP/2 reach the worker in HTTP/1.1.
    }
}
