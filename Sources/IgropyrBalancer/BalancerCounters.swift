/// What a balancer has done since its start, all loops together.
public struct BalancerCounters: Sendable, Hashable {
    /// Connections taken from clients.
    public var accepted: UInt64 = 0
    /// Connections that were closed before any request: of a client with too many, or without the PROXY header that was
    /// due.
    public var refusedConnections: UInt64 = 0
    /// TLS handshakes of clients that did not come through.
    public var failedHandshakes: UInt64 = 0
    public var requests: UInt64 = 0
    /// Requests sent once more to another worker.
    public var retries: UInt64 = 0
    /// Requests sent once more because a resting connection was closed by its worker just then.
    public var staleConnections: UInt64 = 0
    /// Retries that would have been allowed but for the budget.
    public var retriesOverBudget: UInt64 = 0
    /// Requests that had to wait for a worker.
    public var held: UInt64 = 0
    /// Messages of clients that broke the protocol or a limit; the worker has seen nothing of them.
    public var refused: UInt64 = 0
    /// Requests that no route matches: 404.
    public var notRouted: UInt64 = 0
    /// Requests that a route sends elsewhere.
    public var redirects: UInt64 = 0
    /// Requests of clients that make too many: 429.
    public var overRate: UInt64 = 0
    /// 502.
    public var badGateways: UInt64 = 0
    /// 503.
    public var unavailable: UInt64 = 0
    /// 504.
    public var gatewayTimeouts: UInt64 = 0
    /// Responses that ended too early at the worker, so that the client was cut off.
    public var truncated: UInt64 = 0
    /// Clients that went away before their response was whole.
    public var clientAborts: UInt64 = 0

    public init() {}

    static func += (total: inout BalancerCounters, part: BalancerCounters) {
        let all: [WritableKeyPath<BalancerCounters, UInt64>] = [
            \.accepted, \.refusedConnections, \.failedHandshakes, \.requests, \.retries, \.staleConnections,
            \.retriesOverBudget, \.held, \.refused, \.notRouted, \.redirects, \.overRate, \.badGateways, \.unavailable,
            \.gatewayTimeouts, \.truncated, \.clientAborts,
        ]
        for counter in all { total[keyPath: counter] &+= part[keyPath: counter] }
    }
}
