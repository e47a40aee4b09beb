/// A host, by name or number, and a port, as people type them: `db.example.org`, `10.0.0.1:7946`, `[::1]:80`.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    public var host: String
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Nil if the text is no host (no name has a colon, or ends in a number), or its port no number from 0 to 65 535.
    public init?(parsing text: String, defaultPort: UInt16) {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            guard let port = Self.port(rest.dropFirst(), default: rest.isEmpty ? defaultPort : nil) else { return nil }
            self.port = port
        } else if text.count(where: { $0 == ":" }) == 1, let colon = text.firstIndex(of: ":") {
            host = String(text[..<colon])
            guard let port = Self.port(text[text.index(after: colon)...], default: nil) else { return nil }
            self.port = port
        } else {
            host = text  // No colon, or an IPv6 address without its port.
            port = defaultPort
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
        guard !host.contains(":") || Self.isIPv6(host) else { return nil }
        guard !Self.endsInNumber(host) || SocketAddress(host, port: 0) != nil else { return nil }
    }

    /// Such a host is an IPv4 address, or a mistake: a resolver takes 8080 for 0.0.31.144 (inet_aton(3)).
    private static func endsInNumber(_ host: String) -> Bool {
        host.split(separator: ".").last?.utf8.allSatisfy { (0x30...0x39).contains($0) } ?? false
    }

    /// Whether it is an address; of which interface, after a `%`, is for whoever uses it to judge.
    private static func isIPv6(_ host: String) -> Bool {
        SocketAddress(String(host.prefix { $0 != "%" }), port: 0) != nil
    }

    private static func port(_ text: Substring, default fallback: UInt16?) -> UInt16? {
        guard !text.isEmpty else { return fallback }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt16(text)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
