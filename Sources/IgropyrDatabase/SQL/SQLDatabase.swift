package import IgropyrUV

/// A database that speaks SQL. For any thread: each loop has connections of its own, and tasks elsewhere share one more
/// loop.
public final class SQLDatabase<Connection: SQLConnection>: Sendable {
    private static var longLeasesPerLoop: Int { 100 }

    private let pools: LoopPools<Connection>
    /// For those who keep a connection as long as they like, which others do not have to wait for.
    package let longLeases: LoopPools<Connection>

    package init(
        _ settings: PoolSettings, kind: String,
        open: @escaping @Sendable (EventLoop) async throws(Connection.Failure) -> Connection
    ) {
        pools = LoopPools(settings, kind: kind, open: open)
        longLeases = LoopPools(beside: pools, connectionsPerLoop: Self.longLeasesPerLoop)
    }

    /// As ``SQLConnection/query(_:)``, on any connection.
    /// - Throws: ``DatabaseError``.
    @discardableResult
    public func query(_ query: SQLQuery) async throws -> SQLRows {
        try await pools.withConnection { connection in try await connection.query(query) }
    }

    /// As ``SQLConnection/forEachRow(of:_:)``, on any connection.
    public func forEachRow(of query: SQLQuery, _ body: (SQLRow) async throws -> Void) async throws {
        try await pools.withConnection { connection in try await connection.forEachRow(of: query, body) }
    }

    /// As ``SQLConnection/run(script:)``, on any connection.
    public func run(script: String) async throws {
        try await pools.withConnection { connection in try await connection.run(script: script) }
    }

    /// Runs `body` in a transaction on a connection of its own; it is rolled back if `body` throws. What is asked of
    /// the database itself meanwhile goes by another connection, and is no part of it.
    @discardableResult
    public func transaction<Result>(_ body: (Connection) async throws -> Result) async throws -> Result {
        try await pools.withConnection { connection in try await connection.transaction(body) }
    }

    /// Lends a connection, for what concerns a session: settings, temporary tables, locks. The next who has it finds
    /// nothing of these, for which the server is asked once more.
    @discardableResult
    public func withConnection<Result>(_ body: (Connection) async throws -> Result) async throws -> Result {
        try await pools.withConnection { connection in
            do {
                let result = try await body(connection)
                await connection.renew()
                return result
            } catch {
                await connection.renew()
                throw error
            }
        }
    }

    /// Refuses queries from now on, ends what is listened to, and returns when queries that run are done. Idempotent.
    public func close() async {
        await longLeases.close(endingLeases: true)
        await pools.close()
    }
}
