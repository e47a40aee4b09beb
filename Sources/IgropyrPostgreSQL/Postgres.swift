public import IgropyrDatabase

/// A PostgreSQL database.
///
/// ```swift
/// let postgres = try Postgres("postgres://app@localhost/shop")
/// let rows = try await postgres.query("SELECT id, name FROM users WHERE id = \(id)")
/// for row in rows { let (id, name) = try row.decode(Int.self, String.self) }
/// ```
public typealias Postgres = SQLDatabase<PostgresConnection>

extension SQLDatabase where Connection == PostgresConnection {
    /// The text is libpq's: a URL, or `host=… dbname=…`, with TLS by `sslmode` and the like; what is missing is taken
    /// from the environment (`PGHOST`, `PGPASSWORD`, …) and `~/.pgpass`. Nothing is connected yet.
    /// - Throws: `.cannotConnect` if the text cannot be read.
    public convenience init(
        _ connection: String, settings: PoolSettings = PoolSettings()
    ) throws(PostgresError) {
        let target = try PostgresTarget(connection)
        self.init(settings, kind: "postgresql") { loop throws(PostgresError) in
            try await PostgresConnection.open(target, on: loop, settings)
        }
    }
}
