public import IgropyrTime
internal import IgropyrUV

/// Bounds how many requests each client makes, over all loops of a server.
///
/// Shared by the loops, since the kernel spreads one client's connections over them: limits for each loop would let a
/// client with many connections have as many times as much, and parts of a limit would hold back one with a single
/// connection. Clients are spread over several tables with a lock each, so that loops seldom meet.
public final class ClientRateLimit: Sendable {
    private static let tableCount = 16
    private let tables: [Locked<RateLimitTable>]

    public init(_ settings: RateLimitSettings) {
        var part = settings
        part.clients = max(1, settings.clients / Self.tableCount)
        tables = (0..<Self.tableCount).map { _ in Locked(RateLimitTable(part)) }
    }

    /// Counts a request of the client's.
    /// - Returns: nil if it may be made; else how long until the next one may, as for `Retry-After`.
    public func take(_ client: ClientLimit.Client, at now: Timestamp) -> Duration? {
        let hash = client.hashValue  // Of a seed of this process: who sends cannot choose whom to meet.
        let table = Int(UInt(bitPattern: hash) >> 48) % Self.tableCount
        return tables[table].withLock { $0.take(client, hash: hash, at: now) }
    }
}
