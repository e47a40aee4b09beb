public import IgropyrHTTP

/// What bounds a client; for each loop of it.
public struct HTTPClientSettings: Sendable {
    public var limits = HTTPLimits()
    public var connectTimeout = Duration.seconds(1)
    /// How long TLS may take to be agreed on, from the first request on; no longer than `responseTimeout`.
    public var handshakeTimeout = Duration.seconds(5)
    /// How long a server may make no progress with a response.
    public var responseTimeout = Duration.seconds(30)
    /// How long a connection may rest; less than what servers allow, so that no request meets a closing connection.
    public var idleTimeout = Duration.seconds(4)
    /// Connections to one server; more requests are refused with `.exhausted`.
    public var connectionsPerServer = 1024
    /// Requests of an ``HTTPRequester`` that wait for a connection to one server; more fail with `.exhausted` at once.
    public var waitingRequests = 1024
    /// Request bytes queued at which a sender should wait for the server.
    public var highWaterBytes = 256 << 10
    /// Where servers are whose address is link-local and names no zone (``SocketAddress/inZone(_:)``).
    public var zone: UInt32 = 0

    public init() {}
}
