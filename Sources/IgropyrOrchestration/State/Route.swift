internal import IgropyrText

/// Which requests an application answers: those to a host name, or to any, whose path is the prefix or below it.
public struct Route: Hashable, Sendable {
    /// Lower case, without a port; nil for every host name that no other application has taken.
    public let host: String?
    /// Begins with '/'; no '/' at the end, except in "/" itself. Matches at segment boundaries: "/a" is not above
    /// "/ab".
    public let pathPrefix: String

    /// - Throws: If the host is not a host name or an address, or the prefix is no absolute, normal path.
    public init(host: String? = nil, pathPrefix: String = "/") throws(InvalidName) {
        let host = host?.lowercased()
        if let host, !Self.isHost(host) {
            throw InvalidName(text: host, rule: "a route's host: a DNS name or an IP address, no port")
        }
        guard let prefix = Self.normalised(pathPrefix) else {
            throw InvalidName(
                text: pathPrefix,
                rule: "a route's path prefix: '/' and segments, no '.', '..', '?', '#' or blank, at most 1024 bytes")
        }
        self.host = host
        self.pathPrefix = prefix
    }

    private init(unchecked: Void) {
        host = nil
        pathPrefix = "/"
    }

    /// Everything that no other route takes.
    public static let everything = Route(unchecked: ())

    private static func isHost(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...253).contains(bytes.count) else { return false }
        if bytes.first == UInt8(ascii: "[") { return isBracketedAddress(text) }
        return bytes.allSatisfy {
            $0.isLowercaseLetter || $0.isDigit || $0 == .hyphen || $0 == .period || $0 == .underscore
        }
            && bytes.first != .period
    }

    private static func isBracketedAddress(_ text: String) -> Bool {
        let inner = text.utf8.dropFirst().dropLast()
        return text.utf8.last == UInt8(ascii: "]") && !inner.isEmpty
            && inner.allSatisfy { $0.isDigit || $0.isLowercaseLetter || $0 == UInt8(ascii: ":") || $0 == .period }
    }

    private static func normalised(_ path: String) -> String? {
        let isAllowed = path.utf8.allSatisfy {
            $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "\\")
        }
        guard path.utf8.first == .slash, path.utf8.count <= 1024, isAllowed else { return nil }
        let segments = path.pathNames.dropFirst()
        let trimmed = segments.last == "" ? segments.dropLast() : segments
        guard trimmed.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else { return nil }
        return "/" + trimmed.joined(separator: "/")
    }
}

extension Route: CustomStringConvertible {
    public var description: String { (host ?? "*") + pathPrefix }
}

extension Route: Codable {
    private enum CodingKeys: String, CodingKey { case host, pathPrefix }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            host: container.decodeIfPresent(String.self, forKey: .host),
            pathPrefix: container.decode(String.self, forKey: .pathPrefix))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(host, forKey: .host)
        try container.encode(pathPrefix, forKey: .pathPrefix)
    }
}
