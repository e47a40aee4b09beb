public import IgropyrDatabase

/// A Redis server. For any thread: each loop has connections of its own, and tasks elsewhere share one more loop.
///
/// ```swift
/// let redis = try Redis(url: "redis://app:secret@localhost/2")
/// try await redis.set("greeting", "hello", expiresIn: .seconds(60))
/// let greeting = try await redis.get("greeting")
/// let values = try await redis.pipeline([["INCR", "visits"], ["LPUSH", "log", "came"]])
/// ```
public final class Redis: RedisCommands {
    private let pools: LoopPools<RedisConnection>
    private let subscriberPools: LoopPools<RedisConnection>

    /// The URL is `redis://user:password@host:6379/2`, of which all but `redis://` may be missing, or
    /// `unix:/path?db=2`. `rediss://` is the same by TLS, with these options, after a `?` and parted by `&`:
    ///
    /// - `ssl-mode`: `VERIFY_IDENTITY`, which is so by itself, for a server whose certificate proves that it has the
    ///   host's name; `REQUIRED` for whoever it is;
    /// - `ssl-ca`, a file with the authorities to believe instead of the system's;
    /// - `ssl-cert` and `ssl-key`, this side's own certificate.
    ///
    /// Files are read whenever a connection is made. Nothing is connected yet. Each loop has at most
    /// `subscriptionsPerLoop` connections more, one for each ``subscribe(to:patterns:_:)``; who finds all taken waits,
    /// as for any connection.
    /// - Throws: `.cannotConnect` if the text cannot be read.
    public init(
        url: String, settings: PoolSettings = PoolSettings(), subscriptionsPerLoop: Int = 100
    ) throws(RedisError) {
        precondition(subscriptionsPerLoop > 0, "subscriptionsPerLoop: at least 1")
        let target = try RedisTarget(url)
        pools = LoopPools(settings, kind: "redis") { loop throws(RedisError) in
            try await RedisConnection.open(target, on: loop, settings)
        }
        subscriberPools = LoopPools(beside: pools, connectionsPerLoop: subscriptionsPerLoop)
    }

    /// As ``RedisConnection/pipeline(_:)``, on any connection.
    /// - Throws: ``RedisError``.
    public func pipeline(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        try await pools.withConnection { connection in try await connection.pipeline(commands) }
    }

    /// As ``RedisConnection/transaction(watching:_:)``, on a connection of its own.
    public func transaction(
        watching keys: [String], _ body: (RedisConnection) async throws -> [RedisCommand]
    ) async throws -> [RedisValue]? {
        try await pools.withConnection { connection in try await connection.transaction(watching: keys, body) }
    }

    /// Lends a connection, for what concerns a session. One that is left in a transaction, or in another database, is
    /// not lent again.
    public func withConnection<Result>(_ body: (RedisConnection) async throws -> Result) async throws -> Result {
        try await pools.withConnection(body)
    }

    /// Lends what is published on channels, and on those that fit patterns such as `news.*`, for as long as `body`
    /// runs; on a connection of its own. What is published once `body` runs is not missed.
    public func subscribe<Result>(
        to channels: [String], patterns: [String] = [], _ body: (RedisMessages) async throws -> Result
    ) async throws -> Result {
        guard !channels.isEmpty || !patterns.isEmpty else {
            throw RedisError.invalidParameter("a subscription to no channel")
        }
        return try await subscriberPools.withConnection { connection in
            try await connection.subscribe(to: channels, patterns: patterns)
            return try await body(RedisMessages(connection: connection))
        }
    }

    /// Refuses commands from now on, ends subscriptions, and returns when what runs is done. Idempotent.
    public func close() async {
        await subscriberPools.close(endingLeases: true)
        await pools.close()
    }
}
