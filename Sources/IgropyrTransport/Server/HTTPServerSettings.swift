public import IgropyrHTTP

/// What bounds a server; for each loop of it. The defaults suit a public server.
public struct HTTPServerSettings: Sendable {
    /// What a request's head may be; more is answered 400, 414 or 431.
    public var limits = HTTPLimits()
    /// Open connections of one loop; further ones wait in the kernel's backlog.
    public var connections = 1024
    /// Whether connections begin with a PROXY header, which ``headTimeout`` bounds.
    public var proxyProtocol = ProxyProtocolPolicy.off
    /// From a connection's beginning to the end of the TLS handshake; then it is closed.
    public var handshakeTimeout = Duration.seconds(10)
    /// Requests on one connection; the answer to the last says that the connection ends, which spreads clients over the
    /// loops again and gives back what a connection has gathered.
    public var requestsPerConnection = 10_000
    /// From the first byte of a head to its end, however the bytes drip; then 408. Also from a connection's begin to
    /// the first byte; then it is closed.
    public var headTimeout = Duration.seconds(10)
    /// How long a connection may rest between requests; then it is closed.
    public var idleTimeout = Duration.seconds(5)
    /// The same once the server drains: a request that is on its way by then is still answered.
    public var drainIdleTimeout = Duration.milliseconds(100)
    /// How long a request body, or a client that reads a response, may make no progress; then the connection is closed,
    /// for a body that nothing was answered to with 408. While both are under way, progress of either counts.
    public var progressTimeout = Duration.seconds(30)
    /// What a request's body must bring on average, counted from its head on and without the time in which the handler
    /// makes the client wait, once ``rateGrace`` is over; else as above. And what a client that is sent a response must
    /// take in each ``progressTimeout``. Together with that, nobody holds a connection by a byte now and then. A body
    /// that comes while its response goes, as in a dialogue, may be slower. 0 for no minimum.
    public var minimumBytesPerSecond = 240
    /// Before the average counts: a start may be slow.
    public var rateGrace = Duration.seconds(10)
    /// How long to read and drop what a client still sends after its last response, so that no reset overtakes that.
    public var lingerTimeout = Duration.seconds(2)
    /// Whether a client in HTTP/1.1 that ends its side while its request is handled still gets the answer (RFC 9112
    /// §9.6). Else it has gone: its connection is closed, and the exchange hears of that at once.
    public var allowsHalfClosure = true
    /// What is read and dropped of a request's body that its handler leaves unread, so that the connection lives on. A
    /// response that begins while more is to come says that the connection ends; after chunks beyond it, it ends
    /// without a word.
    public var unreadBodyBytes = 256 << 10
    /// Pipelined input held while a response is being made; beyond it the client has to wait.
    public var pipelineBytes = 64 << 10
    /// Response bytes queued at which a handler should wait for the client.
    public var highWaterBytes = 256 << 10
    /// What bounds clients that speak HTTP/2.
    public var http2 = HTTP2Settings()
    /// What the `Server` field says; nil for none.
    public var serverName: String? = "igropyr"

    public init() {}
}

/// What a server has done, for one loop; read it there.
public struct HTTPServerCounters: Sendable {
    public var accepted: UInt64 = 0
    public var requests: UInt64 = 0
    /// Messages that broke the protocol or a limit.
    public var refusedRequests: UInt64 = 0
    /// Connections that ended by an error of the network or of TLS.
    public var failedConnections: UInt64 = 0
    /// Connections that a client had beyond ``ClientLimit``, or that came from elsewhere than the proxies of
    /// ``HTTPServerSettings/proxyProtocol``.
    public var refusedConnections: UInt64 = 0
    /// Connections without the PROXY header that was due, or with a wrong one.
    public var refusedProxyHeaders: UInt64 = 0
    /// Connections that were closed because a client was too slow.
    public var timeouts: UInt64 = 0
    /// TLS handshakes that came through.
    public var handshakes: UInt64 = 0
    /// Those of them that an earlier session shortened.
    public var resumedHandshakes: UInt64 = 0
    /// TLS handshakes that failed, or whose connection ended before they were through.
    public var failedHandshakes: UInt64 = 0
    /// TLS handshakes that took too long.
    public var handshakeTimeouts: UInt64 = 0
    /// Connections with plain HTTP to a server that speaks TLS.
    public var plainConnections: UInt64 = 0
}
