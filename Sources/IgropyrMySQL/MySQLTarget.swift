internal import IgropyrDatabase

/// Where a database is, as whom it is asked, and how that is protected.
struct MySQLTarget: Sendable, Equatable {
    enum TLS: Equatable {
        case disabled
        case preferred
        case verified
    }

    var server: ServerName
    var user: String
    var password: String
    var database: String?
    var tls: TLS
    /// The values of `ssl-ca`, `ssl-cert`, `ssl-key`.
    var files: [String: String] = [:]

    /// - Throws: `.cannotConnect` if the text is no such URL; see ``MySQL``.
    init(_ text: String) throws(MySQLError) {
        do throws(DatabaseURLError) { try self.init(reading: text) } catch { throw .cannotConnect(error.reason) }
    }

    private init(reading text: String) throws(DatabaseURLError) {
        let url = try DatabaseURL(
            text, schemes: ["mysql", "mariadb"],
            orElse: DatabaseURLError("no URL of MySQL: write mysql://user:password@host:3306/database"))
        guard let user = url.user else { throw DatabaseURLError("a MySQL URL names its user: mysql://user@host") }
        self.user = user
        password = url.password ?? ""
        database = url.path.count > 1 ? String(url.path.dropFirst()) : nil
        server = .endpoint(try url.endpoint(defaultPort: 3306))
        var mode: TLS?
        for (name, value) in url.options {
            switch name {
            case "socket": server = try ServerName(path: value)
            case "ssl-mode": mode = try Self.mode(value)
            case "ssl-ca", "ssl-cert", "ssl-key": files[name] = value
            default: throw DatabaseURLError("\(name) is no option of a MySQL URL")
            }
        }
        tls = try Self.checked(mode, for: server)
        guard files.isEmpty || tls == .verified else {
            throw DatabaseURLError("ssl-ca, ssl-cert and ssl-key go with ssl-mode=VERIFY_IDENTITY")
        }
        let texts = [user, password, database ?? ""] + files.values
        guard texts.allSatisfy({ !$0.utf8.contains(0) }) else { throw DatabaseURLError("a MySQL URL holds no NUL") }
    }

    private static func mode(_ text: String) throws(DatabaseURLError) -> TLS {
        switch text.uppercased() {
        case "DISABLED": return .disabled
        case "PREFERRED": return .preferred
        case "VERIFY_IDENTITY": return .verified
        case "REQUIRED", "VERIFY_CA":
            throw DatabaseURLError(
                "ssl-mode=\(text) is not supported, as libmariadb 3.3 goes on in clear if the server has no TLS:"
                    + " use VERIFY_IDENTITY")
        default: throw DatabaseURLError("ssl-mode is DISABLED, PREFERRED or VERIFY_IDENTITY, not \(text)")
        }
    }

    private static func checked(_ mode: TLS?, for server: ServerName) throws(DatabaseURLError) -> TLS {
        guard case .path = server else { return mode ?? .preferred }
        guard mode != .verified else { throw DatabaseURLError("a socket in the file system has no name to verify") }
        return .disabled
    }

    /// The ways to prove who asks that may be used, for a server may ask for any of them. Those that show it the
    /// password itself are for one that is proven to be the right one.
    var plugins: String {
        let always = "mysql_native_password,client_ed25519,caching_sha2_password"
        if case .path = server { return always + ",sha256_password,mysql_clear_password,dialog" }
        return tls == .verified ? always + ",sha256_password,mysql_clear_password,dialog" : always
    }
}
