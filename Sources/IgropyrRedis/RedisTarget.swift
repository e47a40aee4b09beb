internal import IgropyrDatabase
internal import IgropyrUV

/// Where one attempt connects to: a numeric address, or a socket in the file system.
enum RedisPlace: Sendable {
    case address(host: String, port: UInt16)
    case path(String)
}

/// Where a server is, as whom it is asked, and which of its databases is meant.
struct RedisTarget: Sendable, Equatable {
    enum Server: Sendable, Equatable {
        case endpoint(Endpoint)
        case path(String)
    }

    /// What `sun_path` holds.
    private static let pathLimitBytes = 107

    var server: Server
    var user: String?
    var password: String?
    var database = 0

    /// Reads `redis://user:password@host:6379/2`, of which all but `redis://` may be missing, and
    /// `unix:/path?db=2`, `unix://user:password@/path`; `%` and two digits stand for a byte.
    /// - Throws: `.cannotConnect` if it is neither.
    init(_ url: String) throws(RedisError) {
        let (scheme, rest) = Self.cut(url[...], at: ":")
        guard let rest, scheme == "redis" || scheme == "unix" else { throw Self.refusal(ofScheme: scheme) }
        let (place, query) = Self.cut(rest, at: "?")
        let (authority, path) = Self.authorityAndPath(place)
        server = scheme == "unix" ? .path(try Self.decoded(path)) : .endpoint(try Self.endpoint(authority))
        if scheme == "redis", path.count > 1 { database = try Self.number(path.dropFirst()) }
        for option in (query ?? "").split(separator: "&") {
            guard option.hasPrefix("db=") else { throw .cannotConnect("of a Redis URL's options only db is known") }
            database = try Self.number(option.dropFirst(3))
        }
        try readUser(authority)
        try checkPath()
    }

    private mutating func readUser(_ authority: Substring) throws(RedisError) {
        guard let end = authority.unicodeScalars.lastIndex(of: "@") else { return }
        let (name, secret) = Self.cut(authority[..<end], at: ":")
        guard let secret else { throw .cannotConnect("a Redis URL's user is to have a password: user:password@") }
        user = name.isEmpty ? nil : try Self.decoded(name)
        password = try Self.decoded(secret)
    }

    private func checkPath() throws(RedisError) {
        guard case .path(let path) = server else { return }
        guard path.hasPrefix("/"), !path.utf8.contains(0), path.utf8.count <= Self.pathLimitBytes else {
            throw .cannotConnect("a socket's path begins with / and has \(Self.pathLimitBytes) bytes at most")
        }
    }

    /// What is said to a server first. One who needs no password is asked whether he is there.
    var greeting: [RedisCommand] {
        var commands: [RedisCommand] = []
        if let password { commands.append(RedisCommand(["AUTH"] + (user.map { [$0] } ?? []) + [password])) }
        if database != 0 { commands.append(["SELECT", database]) }
        return commands.isEmpty ? [["PING"]] : commands
    }

    /// Every address of the server. hiredis would look names up itself, and block.
    func places(on loop: EventLoop) async throws(RedisError) -> [RedisPlace] {
        switch server {
        case .path(let path): return [.path(path)]
        case .endpoint(let endpoint):
            do throws(UVError) {
                let addresses = try await NameResolver.addresses(of: endpoint, on: loop)
                return addresses.map { .address(host: $0.hostText, port: $0.port) }
            } catch {
                throw .cannotConnect("\(error)")
            }
        }
    }
}

// MARK: - Parts of a URL

extension RedisTarget {
    private static func refusal(ofScheme scheme: Substring) -> RedisError {
        guard scheme != "rediss" else {
            return .cannotConnect(
                "rediss:// is not supported, as hiredis 0.14 has no TLS: use redis:// to a tunnel, such as stunnel's")
        }
        return .cannotConnect("no URL of Redis: write redis://user:password@host:6379/0 or unix:/path")
    }

    /// By scalars: a combining mark behind it hides no delimiter.
    private static func cut(_ text: Substring, at mark: Unicode.Scalar) -> (Substring, Substring?) {
        guard let index = text.unicodeScalars.firstIndex(of: mark) else { return (text, nil) }
        return (text[..<index], text[text.unicodeScalars.index(after: index)...])
    }

    private static func authorityAndPath(_ text: Substring) -> (Substring, Substring) {
        guard text.hasPrefix("//") else { return ("", text) }
        let rest = text.dropFirst(2)
        let end = rest.firstIndex(of: "/") ?? rest.endIndex
        return (rest[..<end], rest[end...])
    }

    private static func endpoint(_ authority: Substring) throws(RedisError) -> Endpoint {
        let start = authority.lastIndex(of: "@").map { authority.index(after: $0) } ?? authority.startIndex
        let text = authority[start...]
        guard !text.isEmpty else { return Endpoint(host: "localhost", port: 6379) }
        let isPortAlone = text.hasPrefix(":")
        guard let endpoint = Endpoint(parsing: (isPortAlone ? "localhost" : "") + text, defaultPort: 6379) else {
            throw .cannotConnect("\(text) is no host and port: write host:6379 or [::1]:6379")
        }
        return endpoint
    }

    private static func number(_ text: Substring) throws(RedisError) -> Int {
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text)
        else { throw .cannotConnect("\(text) is no number of a database: write redis://host/2") }
        return number
    }

    private static func decoded(_ text: Substring) throws(RedisError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            guard digits.count == 2 else { throw .cannotConnect("in a Redis URL, % stands before two hex digits") }
            bytes.append(UInt8(digits[0] << 4 | digits[1]))
            rest = rest.dropFirst(2)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw .cannotConnect("a Redis URL is UTF-8")
        }
        return decoded
    }
}
