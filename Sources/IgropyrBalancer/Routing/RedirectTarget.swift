/// Where a redirect leads: a URL with placeholders for parts of the request.
///
/// `{host}` is the request's host without its port, `{path}` its path without the first slash, `{query}` what follows
/// the `?`, `{uri}` the path without the first slash, with `?` and query if there are any. They are put in as they were
/// sent: visible ASCII, which the request's parser has checked, so that no line can end in them.
///
/// Nobody but its author decides on the host: placeholders other than `{host}` come behind the authority's end, and
/// none right behind a leading slash, where a path's second slash would begin an authority.
public struct RedirectTarget: Sendable, Hashable, CustomStringConvertible {
    private enum Part: Sendable, Hashable {
        case literal([UInt8])
        case host, path, query, uri
    }

    /// As it was written.
    public let description: String
    private let parts: [Part]

    public struct Invalid: Error, Hashable, CustomStringConvertible {
        public var description: String
    }

    public init(_ text: String) throws(Invalid) {
        guard (1...2048).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x5C })
        else { throw Invalid(description: "a redirect goes to 1 to 2048 visible ASCII characters without \\") }
        description = text
        parts = try Self.parts(of: text)
        try Self.checkAuthority(text)
    }

    private static func parts(of text: String) throws(Invalid) -> [Part] {
        var parts: [Part] = []
        var rest = Substring(text)
        while let open = rest.firstIndex(of: "{") {
            if open > rest.startIndex { parts.append(.literal(Array(rest[..<open].utf8))) }
            guard let close = rest[open...].firstIndex(of: "}") else {
                throw Invalid(description: "a { of a redirect has no }")
            }
            switch rest[rest.index(after: open)..<close] {
            case "host": parts.append(.host)
            case "path": parts.append(.path)
            case "query": parts.append(.query)
            case "uri": parts.append(.uri)
            case let name:
                throw Invalid(
                    description: "{\(name.prefix(40))} is no placeholder: there are {host}, {path}, {query} and {uri}")
            }
            rest = rest[rest.index(after: close)...]
        }
        guard !rest.utf8.contains(UInt8(ascii: "}")) else { throw Invalid(description: "a } of a redirect has no {") }
        if !rest.isEmpty { parts.append(.literal(Array(rest.utf8))) }
        return parts
    }

    private static func checkAuthority(_ text: String) throws(Invalid) {
        if text.hasPrefix("/") {
            guard !text.hasPrefix("//"), !text.hasPrefix("/{") else {
                throw Invalid(description: "a redirect that begins with // or with /{ would let a path choose the host")
            }
            return
        }
        guard let scheme = ["https://", "http://"].first(where: text.hasPrefix) else {
            throw Invalid(description: "a redirect goes to https://…, http://… or /…")
        }
        let authority = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let literal = authority.replacing("{host}", with: "h")
        guard !literal.isEmpty,
            literal.utf8.allSatisfy({
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || "-._:[]".utf8.contains($0)
            })
        else {
            throw Invalid(description: "the host of a redirect is a name, in which only {host} may stand for a part")
        }
    }

    /// The value of `Location`.
    ///
    /// - Parameters:
    ///   - host: The request's, with or without a port; empty if there is none.
    ///   - uri: The request's path, and its query if it has one.
    /// - Returns: nil if the host is asked for and there is none.
    public func location(host: Span<UInt8>, uri: Span<UInt8>) -> [UInt8]? {
        let start = uri.isEmpty || uri[0] != UInt8(ascii: "/") ? 0 : 1
        let pathEnd = uri.indices.first { uri[$0] == UInt8(ascii: "?") } ?? uri.count
        var location: [UInt8] = []
        for part in parts {
            switch part {
            case .literal(let bytes): location += bytes
            case .host:
                let count = Self.lengthWithoutPort(host)
                guard count > 0 else { return nil }
                location.append(host, 0..<count)
            case .path: location.append(uri, min(start, pathEnd)..<pathEnd)
            case .query: location.append(uri, min(pathEnd + 1, uri.count)..<uri.count)
            case .uri: location.append(uri, start..<uri.count)
            }
        }
        return location
    }

    private static func lengthWithoutPort(_ host: Span<UInt8>) -> Int {
        for index in stride(from: host.count - 1, through: 0, by: -1) {
            if host[index] == UInt8(ascii: ":") { return index }
            guard (0x30...0x39).contains(host[index]) else { return host.count }
        }
        return host.count
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        for index in range { append(bytes[index]) }
    }
}
