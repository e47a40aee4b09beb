package import IgropyrUV

/// Why a text is no URL of a database; tells nothing of a password.
package struct DatabaseURLError: Error {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }
}

/// The parts of `scheme://user:password@host:port/path?name=value&…`, of which all but the scheme may be missing; in
/// all of them `%` and two digits stand for a byte.
package struct DatabaseURL {
    package let scheme: String
    package let user: String?
    package let password: String?
    package let path: String
    package let options: [(name: String, value: String)]
    /// `host:port`.
    private let server: Substring

    /// `refusal` is for text whose scheme is none of these.
    package init(
        _ text: String, schemes: Set<String>, orElse refusal: @autoclosure () -> DatabaseURLError
    ) throws(DatabaseURLError) {
        let (scheme, rest) = Self.cut(text[...], at: ":")
        guard let rest, schemes.contains(String(scheme)) else { throw refusal() }
        self.scheme = String(scheme)
        let (place, query) = Self.cut(rest, at: "?")
        let (authority, path) = Self.authorityAndPath(place)
        self.path = try Self.decoded(path)
        var options: [(String, String)] = []
        for option in (query ?? "").unicodeScalars.split(separator: "&") {
            let (name, value) = Self.cut(Substring(option), at: "=")
            options.append((try Self.decoded(name), try Self.decoded(value ?? "")))
        }
        self.options = options
        guard let end = authority.unicodeScalars.lastIndex(of: "@") else {
            (user, password, server) = (nil, nil, authority)
            return
        }
        let (name, secret) = Self.cut(authority[..<end], at: ":")
        user = name.isEmpty ? nil : try Self.decoded(name)
        password = if let secret { try Self.decoded(secret) } else { nil }
        server = authority[authority.unicodeScalars.index(after: end)...]
    }

    /// The server; `localhost` and `defaultPort` if they are missing.
    package func endpoint(defaultPort: UInt16) throws(DatabaseURLError) -> Endpoint {
        guard !server.isEmpty else { return Endpoint(host: "localhost", port: defaultPort) }
        let isPortAlone = server.hasPrefix(":")
        let text = (isPortAlone ? "localhost" : "") + server
        guard let endpoint = Endpoint(parsing: text, defaultPort: defaultPort) else {
            throw DatabaseURLError("\(server) is no host and port: write host:\(defaultPort) or [::1]:\(defaultPort)")
        }
        return endpoint
    }

    /// By scalars: a combining mark behind it hides no delimiter.
    private static func cut(_ text: Substring, at mark: Unicode.Scalar) -> (Substring, Substring?) {
        guard let index = text.unicodeScalars.firstIndex(of: mark) else { return (text, nil) }
        return (text[..<index], text[text.unicodeScalars.index(after: index)...])
    }

    private static func authorityAndPath(_ text: Substring) -> (Substring, Substring) {
        guard text.unicodeScalars.starts(with: "//".unicodeScalars) else { return ("", text) }
        let rest = Substring(text.unicodeScalars.dropFirst(2))
        let end = rest.unicodeScalars.firstIndex(of: "/") ?? rest.endIndex
        return (rest[..<end], rest[end...])
    }

    private static func decoded(_ text: Substring) throws(DatabaseURLError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            guard digits.count == 2 else { throw DatabaseURLError("in a URL, % stands before two hex digits") }
            bytes.append(UInt8(digits[0] << 4 | digits[1]))
            rest = rest.dropFirst(2)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw DatabaseURLError("a URL is UTF-8") }
        return decoded
    }
}
