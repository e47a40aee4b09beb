public import IgropyrDatabase

/// A MariaDB or MySQL database.
///
/// ```swift
/// let mysql = try MySQL("mysql://app:secret@localhost/shop")
/// let rows = try await mysql.query("SELECT id, name FROM users WHERE id = \(id)")
/// for row in rows { let (id, name) = try row.decode(Int.self, String.self) }
/// ```
public typealias MySQL = SQLDatabase<MySQLConnection>

extension SQLDatabase where Connection == MySQLConnection {
    /// The URL is `mysql://user:password@host:3306/database`, of which password, host, port and database may be
    /// missing, with these options, after a `?` and parted by `&`:
    ///
    /// - `socket=/run/mysqld/mysqld.sock`, in place of a host;
    /// - `ssl-mode`: `DISABLED`; `PREFERRED`, TLS if the server offers it, with whoever it is, which is so by itself
    ///   over a network; `VERIFY_IDENTITY`, TLS with a server whose certificate proves that it has the host's name;
    /// - for the last, `ssl-ca`, a file with the authorities to believe instead of the system's, and `ssl-cert` and
    ///   `ssl-key`, this side's own certificate.
    ///
    /// Nothing is connected yet.
    /// - Throws: `.cannotConnect` if the text cannot be read.
    public convenience init(_ url: String, settings: PoolSettings = PoolSettings()) throws(MySQLError) {
        let target = try MySQLTarget(url)
        self.init(settings, kind: "mysql") { loop throws(MySQLError) in
            try await MySQLConnection.open(target, on: loop, settings)
        }
    }
}
