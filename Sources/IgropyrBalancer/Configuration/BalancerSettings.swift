public import IgropyrTransport
public import IgropyrUV

/// How a balancer listens and forwards. Limits are for each of its loops.
public struct BalancerSettings: Sendable {
    public var listen: SocketSource
    /// Threads that each accept, proxy and keep connections of their own; at least 1.
    public var loops = 1
    public var application = ApplicationSettings()
    public var retryBudget = RetryBudget.Settings()
    /// How long a request waits for a worker while there is none; then 503.
    public var holdTime = Duration.seconds(2)
    /// Requests that wait at the same time; further ones are answered 503 at once.
    public var heldRequests = 1024
    /// Bytes of a request's body kept to repeat it; a longer body goes through, but its request is sent once only.
    public var repeatableBodyBytes = 64 << 10
    public var server = HTTPServerSettings()
    public var client = HTTPClientSettings()
    public var insight = InsightSettings()

    public init(listen: SocketAddress) { self.init(listen: .address(listen)) }

    public init(listen: SocketSource) {
        self.listen = listen
        server.serverName = nil  // The worker's own is passed on.
        server.http2.allowsExtendedConnect = true  // WebSockets of HTTP/2 reach the worker in HTTP/1.1.
        client.connectTimeout = .milliseconds(250)
    }
}
