public import IgropyrDatabase

/// A PostgreSQL database. For any thread: each loop has connections of its own, and tasks elsewhere share one more loop.
///
/// ```swift
/// let postgres = try Postgres("postgres://app@localhost/shop")
/// let rows = try await postgres.query("SELECT id, name FROM users WHERE id = \(id)")
/// for row in rows { let (id, name) = try row.decode(Int.self, String.self) }
/// ```
public final class Postgres: Sendable {
    private let pools: LoopPools<PostgresConnection>

    /// The text is libpq's: a URL, or `host=… dbname=…`, with TLS by `sslmode` and the like; what is missing is taken from
    /// the environment (`PGHOST`, `PGPASSWORD`, …) and `~/.pgpass`. Nothing is connected yet.
    /// - Throws: `.cannotConnect` if the text cannot be read.
    public init(_ connection: String, settings: PoolSettings = PoolSettings()) throws(PostgresError) {
        let target = try PostgresTarget(connection)
        pools = LoopPools(settings) { loop throws(PostgresError) in
            try await PostgresConnection.open(target, on: loop, settings)
        }
    }

    /// As ``PostgresConnection/query(_:)``, on any connection.
    /// - Throws: ``PostgresError``.
    @discardableResult
    public func query(_ query: SQLQuery) async throws -> SQLRows {
        try await pools.withConnection { connection in try await connection.query(query) }
    }

    /// As ``PostgresConnection/forEachRow(of:_:)``, on any connection.
    public func forEachRow(of query: SQLQuery, _ body: (SQLRow) async throws -> Void) async throws {
        try await pools.withConnection { connection in try await connection.forEachRow(of: query, body) }
    }

    /// As ``PostgresConnection/run(script:)``, on any connection.
    public func run(script: String) async throws {
        try await pools.withConnection { connection in try await connection.run(script: script) }
    }

    /// Runs `body` in a transaction on a connection of its own; it is rolled back if `body` throws.
    public func transaction<Result>(_ body: (PostgresConnection) async throws -> Result) async throws -> Result {
        try await pools.withConnection { connection in try await connection.transaction(body) }
    }

    /// Lends a connection, for what concerns a session.
    public func withConnection<Result>(_ body: (PostgresConnection) async throws -> Result) async throws -> Result {
        try await pools.withConnection(body)
    }

    /// Refuses queries from now on, and returns when those that run are done. Idempotent.
    public func close() async { await pools.close() }
}
