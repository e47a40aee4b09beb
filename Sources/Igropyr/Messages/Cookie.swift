internal import HTTPTypes
internal import IgropyrTime

/// A cookie that a browser is to keep (RFC 6265bis).
public struct Cookie: Sendable, Hashable {
    /// Whether it goes along with requests that pages of other sites cause.
    public enum SameSite: String, Sendable {
        case strict = "Strict"
        case lax = "Lax"
        /// Always; browsers want ``Cookie/isSecure`` with it, and get it.
        case none = "None"
    }

    public let name: String
    public let value: String
    /// Nil for the path of the request and below.
    public var path: String? = "/"
    /// Nil for the very host of the request; else that name and all below it.
    public var domain: String?
    /// Nil until the browser is closed; zero or less removes the cookie. Parts of a second count as a whole one.
    public var maximumAge: Duration?
    /// Whether it goes by https only.
    public var isSecure = false
    /// Whether scripts cannot see it.
    public var isHTTPOnly = true
    public var sameSite: SameSite? = .lax

    /// - Throws: ``InvalidCookie`` for a name that is no token (RFC 9110 §5.6.2), or a value with a character that
    ///   would end it: control characters, space, `"`, comma, semicolon, backslash, or outside ASCII. Encode such
    ///   values.
    public init(_ name: String, _ value: String) throws(InvalidCookie) {
        guard HTTPField.Name(name) != nil, !name.hasPrefix(":"), value.utf8.allSatisfy(\.isCookieOctet) else {
            throw InvalidCookie(name: name)
        }
        self.name = name
        self.value = value
    }

    /// - Throws: ``InvalidCookie`` for a path or domain that would end its attribute.
    func fieldValue() throws(InvalidCookie) -> String {
        var text = "\(name)=\(value)"
        for (attribute, part) in [("Path", path), ("Domain", domain)] {
            guard let part else { continue }
            guard part.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ";") }) else {
                throw InvalidCookie(name: name)
            }
            text += "; \(attribute)=\(part)"
        }
        if let maximumAge { text += "; Max-Age=\(maximumAge.secondsRoundedUp)" }
        if isSecure || sameSite == SameSite.none { text += "; Secure" }
        if isHTTPOnly { text += "; HttpOnly" }
        if let sameSite { text += "; SameSite=\(sameSite.rawValue)" }
        return text
    }
}

/// A cookie that cannot be sent as it is.
public struct InvalidCookie: Error, Hashable, Sendable, CustomStringConvertible {
    public let name: String

    public var description: String { "the cookie \"\(name)\" has a character that would end it" }
}

extension Response {
    /// Has the browser keep a cookie; one of the same name, domain and path is replaced there.
    public mutating func setCookie(_ cookie: Cookie) throws(InvalidCookie) {
        fields.append(HTTPField(name: .setCookie, value: try cookie.fieldValue()))
    }
}

extension Request {
    /// The cookies that came along.
    public var cookies: Cookies { Cookies(headers("Cookie")) }

    /// Names and values as the browser sent them.
    public struct Cookies: Sendable {
        private let pairs: [(name: String, value: String)]

        /// Goes through at most 1000 pairs; what is none is left out.
        init(_ fields: [String]) {
            var pairs: [(name: String, value: String)] = []
            for piece in fields.lazy.flatMap({ $0.utf8.split(separator: UInt8(ascii: ";")) }).prefix(1000) {
                guard let equals = piece.firstIndex(of: UInt8(ascii: "=")) else { continue }
                let name = Substring(piece[..<equals]).trimmedOfSpaces
                var value = Substring(piece[piece.index(after: equals)...]).trimmedOfSpaces.utf8
                let quote = UInt8(ascii: "\"")
                if value.count >= 2, value.first == quote, value.last == quote { value = value.dropFirst().dropLast() }
                if !name.isEmpty { pairs.append((String(name), String(Substring(value)))) }
            }
            self.pairs = pairs
        }

        /// The first of that name: of several, browsers send that of the longest path first.
        public subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

        public var names: [String] { pairs.map(\.name) }
    }
}

extension UInt8 {
    /// RFC 6265 §4.1.1.
    fileprivate var isCookieOctet: Bool {
        switch self {
        case 0x21, 0x23...0x2B, 0x2D...0x3A, 0x3C...0x5B, 0x5D...0x7E: true
        default: false
        }
    }
}
