import IgropyrTransport

/// What each client may do, counted over all loops.
struct ClientBounds: Sendable {
    let connections: ClientLimit?
    let rate: ClientRateLimit?

    init(_ settings: BalancerSettings) {
        connections = settings.connectionsPerClient.map { ClientLimit(connections: $0) }
        rate = settings.requestRate.map { ClientRateLimit($0) }
    }
}
