internal import IgropyrPatterns

/// Which names of hosts are meant.
public struct HostPattern: Sendable, Hashable, CustomStringConvertible {
    private enum Kind: Sendable, Hashable {
        /// In lower case, parted at its stars.
        case name([String])
        /// Has to fit the whole name.
        case expression(Pattern)
    }

    public let description: String
    private let kind: Kind

    /// `foo.example.org`, `*.example.org`, `*`; or `~ ` and a regular expression for the name in lower case, as in
    /// `~ (www\.)?example\.(org|net)`.
    public init?(_ text: String) {
        description = text
        if text.hasPrefix("~") {
            let expression = text.dropFirst().drop { $0 == " " }
            guard let pattern = Pattern("^(" + expression + ")$") else { return nil }
            kind = .expression(pattern)
        } else {
            var name = text.lowercased()
            if name.utf8.count > 1, name.utf8.last == UInt8(ascii: ".") { name.removeLast() }  // As of a request's.
            guard (1...253).contains(name.utf8.count), name.utf8.allSatisfy(Self.isNameByte) else { return nil }
            // Outside of an IPv6 address's brackets a colon would be a port's, which is no part of a name.
            let rest = name.utf8.drop { name.hasPrefix("[") && $0 != UInt8(ascii: "]") }
            guard !rest.contains(UInt8(ascii: ":")) else { return nil }
            kind = .name(name.split(separator: "*", omittingEmptySubsequences: false).map(String.init))
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || "-._*:[]".utf8.contains(byte)
    }

    /// The one name that fits; nil if others may, too.
    var onlyName: String? { if case .name(let parts) = kind, parts.count == 1 { parts[0] } else { nil } }

    /// Takes a name without its port, in lower case.
    func fits(_ host: String) -> Bool {
        switch kind {
        case .expression(let pattern): pattern.matches(host)
        case .name(let parts): Self.fits(host, parts)
        }
    }

    /// Between the ends each part is taken where it is found first: no pattern makes it slow.
    private static func fits(_ host: String, _ parts: [String]) -> Bool {
        guard let first = parts.first, let last = parts.last, parts.count > 1 else { return parts.first == host }
        guard host.utf8.count >= first.utf8.count + last.utf8.count, host.hasPrefix(first), host.hasSuffix(last) else {
            return false
        }
        var rest = host.dropFirst(first.count).dropLast(last.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let range = rest.firstRange(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return true
    }
}
