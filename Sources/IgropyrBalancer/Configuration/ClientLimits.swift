/// What clients of all listeners may do.
public struct ClientLimits: Sendable, Hashable {
    /// Open connections of one loop; further ones wait in the kernel's backlog.
    public var connections = 1024
    /// Connections of one client address; nil for no bound. Of IPv6 the first 64 bits make a client.
    public var connectionsPerClient: Int?
    /// Requests a second of one client in the long run, further ones are answered 429; nil for no bound.
    public var requestsPerSecond: Double?
    /// Requests that a client may make at once on top of that.
    public var requestBurst = 100
    /// Bytes of a request's body, more is answered 413; nil for no bound, since bodies stream.
    public var bodyBytes: Int?
    /// Bytes of a request's head; more is answered 431.
    public var headBytes = 32 << 10
    /// Requests on one connection.
    public var requestsPerConnection = 10_000
    /// From a head's first byte to its end.
    public var headTimeout = Duration.seconds(10)
    /// How long a connection may rest between requests.
    public var idleTimeout = Duration.seconds(5)
    /// How long a client may make no progress with a body or a response.
    public var progressTimeout = Duration.seconds(30)

    public init() {}
}
