internal import FoundationEssentials
internal import IgropyrUV

/// What is to be had of which server: `http://host:port/path?query`, or `https:` for TLS (RFC 9110 §4.2); the same with
/// `ws` and `wss` (RFC 6455 §3).
struct ServerURL: Hashable, Sendable {
    enum Purpose {
        case http
        case webSocket
    }

    let isEncrypted: Bool
    let endpoint: IgropyrUV.Endpoint
    /// In origin form.
    let target: String
    private let purpose: Purpose

    /// Nil for other URLs, for one with a user's name, and for a WebSocket's with a fragment, which requests leave out.
    init?(_ text: String, for purpose: Purpose) {
        guard let parts = URLComponents(string: text) else { return nil }
        self.init(parts, for: purpose)
    }

    private init?(_ parts: URLComponents, for purpose: Purpose) {
        guard parts.user == nil, parts.password == nil, parts.fragment == nil || purpose == .http,
            let host = parts.host, Self.isHost(host)
        else { return nil }
        switch (parts.scheme?.lowercased(), purpose) {
        case ("http", .http), ("ws", .webSocket): isEncrypted = false
        case ("https", .http), ("wss", .webSocket): isEncrypted = true
        default: return nil
        }
        guard let port = parts.port.map({ UInt16(exactly: $0) }) ?? (isEncrypted ? 443 : 80) else { return nil }
        endpoint = IgropyrUV.Endpoint(host: host.first == "[" ? String(host.dropFirst().dropLast()) : host, port: port)
        let path = parts.percentEncodedPath
        target = (path.isEmpty ? "/" : path) + (parts.percentEncodedQuery.map { "?\($0)" } ?? "")
        self.purpose = purpose
    }

    /// Whether it is one still that its escapes are resolved: a NUL would end it for the resolver, and others would
    /// make another server of it where it is written out again. What is no ASCII is left to the resolver.
    private static func isHost(_ text: String) -> Bool {
        guard text.utf8.first != UInt8(ascii: "[") else {
            return text.utf8.last == UInt8(ascii: "]") && text.utf8.contains(UInt8(ascii: ":"))
                && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
        }
        return !text.isEmpty
            && text.utf8.allSatisfy {
                $0 >= 0x80 || (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20)
                    || "-._~!$&'()*+,;=".utf8.contains($0)  // RFC 3986 §3.2.2
            }
    }

    /// The same server's `path`, below its own target.
    func appending(_ path: String) -> ServerURL {
        let isDouble = target.last == "/" && path.first == "/"
        return ServerURL(self, target: (isDouble ? String(target.dropLast()) : target) + path)
    }

    private init(_ other: ServerURL, target: String) {
        (isEncrypted, endpoint, purpose) = (other.isEncrypted, other.endpoint, other.purpose)
        self.target = target
    }

    /// What errors, and so logs, tell of it: not its query, which may hold a secret.
    var told: String { "\(ServerURL(self, target: String(target.prefix { $0 != "?" })))" }

    /// What a response at this one says by `Location`, which may be relative (RFC 9110 §10.2.2).
    func resolving(_ reference: String) -> ServerURL? {
        guard let base = URL(string: "\(self)"), let url = URL(string: reference, relativeTo: base),
            let parts = URLComponents(url: url, resolvingAgainstBaseURL: true)
        else { return nil }
        return ServerURL(parts, for: purpose)
    }

    /// Nil if the host is an address.
    var serverName: String? {
        SocketAddress(endpoint.host, port: endpoint.port) == nil ? endpoint.host : nil
    }

    /// As the field `Host` has it (RFC 9110 §7.2).
    var authority: String {
        let text = "\(endpoint)"
        guard endpoint.port == (isEncrypted ? 443 : 80) else { return text }
        return String(text[..<(text.lastIndex(of: ":") ?? text.endIndex)])
    }

    /// Who answers, and how it is spoken to (RFC 9110 §4.3.1).
    struct Origin: Hashable {
        let isEncrypted: Bool
        /// In lower case.
        let host: String
        let port: UInt16
    }

    var origin: Origin { Origin(isEncrypted: isEncrypted, host: endpoint.host.lowercased(), port: endpoint.port) }
}

extension ServerURL: CustomStringConvertible {
    var description: String {
        let scheme =
            switch purpose {
            case .http: isEncrypted ? "https" : "http"
            case .webSocket: isEncrypted ? "wss" : "ws"
            }
        return "\(scheme)://\(authority)\(target)"
    }
}

extension NameResolver {
    /// Of the URL's host.
    /// - Throws: `CancellationError`; what the resolver says.
    static func addresses(of url: ServerURL, within time: Duration) async throws -> [SocketAddress] {
        do throws(UVError) {
            return try await addresses(of: url.endpoint, within: time)
        } catch {
            guard error.code != UVError.cancelled else { throw CancellationError() }
            throw error
        }
    }
}

extension String {
    /// What errors, and so logs, tell of a URL, be it a good one or not: neither its query and fragment nor what may be
    /// a name and a password, since all of these may be secrets.
    package var toldOfURL: String {
        // By bytes: as characters, a mark behind one of these makes another one of it.
        let end = utf8.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? endIndex
        let start = utf8.firstRange(of: "://".utf8)?.upperBound ?? startIndex
        guard let at = utf8.lastIndex(of: UInt8(ascii: "@")), start <= at else { return String(self[..<end]) }
        return "\(self[..<min(start, end)])…\(at < end ? self[at..<end] : "")"  // Either may be part of the other.
    }
}
