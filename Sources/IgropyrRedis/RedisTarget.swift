internal import IgropyrDatabase

/// Where a server is, as whom it is asked, and which of its databases is meant.
struct RedisTarget: Sendable, Equatable {
    var server: ServerName
    var user: String?
    var password: String?
    var database = 0
    /// Nil for none.
    var tls: TLS?

    /// Reads `redis://user:password@host:6379/2`, of which all but `redis://` may be missing, the same with
    /// `rediss://`, and `unix:/path?db=2`, `unix://user:password@/path`; `%` and two digits stand for a byte.
    /// - Throws: `.cannotConnect` if it is none of them.
    init(_ text: String) throws(RedisError) {
        do throws(DatabaseURLError) { try self.init(reading: text) } catch { throw .cannotConnect(error.reason) }
    }

    private init(reading text: String) throws(DatabaseURLError) {
        let url = try DatabaseURL(
            text, schemes: ["redis", "rediss", "unix"],
            orElse: DatabaseURLError(
                "no URL of Redis: write redis://user:password@host:6379/0, rediss:// for TLS, or unix:/path"))
        let isPath = url.scheme == "unix"
        server = isPath ? try ServerName(path: url.path) : .endpoint(try url.endpoint(defaultPort: 6379))
        if !isPath, url.path.count > 1 { database = try Self.number(url.path.dropFirst()) }
        for option in url.options where option.name == "db" { database = try Self.number(option.value[...]) }
        let others = url.options.filter { $0.name != "db" }
        if url.scheme == "rediss" {
            tls = try TLS(others)
        } else if let option = others.first {
            throw DatabaseURLError("\(option.name) is no option of such a URL: db is, and with rediss:// those of TLS")
        }
        (user, password) = (url.user, url.password)
        guard user == nil || password != nil else {
            throw DatabaseURLError("a Redis URL's user is to have a password: user:password@")
        }
    }

    /// What is said to a server first. One who needs no password is asked whether he is there.
    var greeting: [RedisCommand] {
        var commands: [RedisCommand] = []
        if let password { commands.append(RedisCommand(["AUTH"] + (user.map { [$0] } ?? []) + [password])) }
        if database != 0 { commands.append(["SELECT", database]) }
        return commands.isEmpty ? [["PING"]] : commands
    }

    private static func number(_ text: Substring) throws(DatabaseURLError) -> Int {
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text)
        else { throw DatabaseURLError("\(text) is no number of a database: write redis://host/2") }
        return number
    }
}
