public import IgropyrTransport
public import IgropyrUV

/// How an application's workers are spoken to: values only, nothing opened.
public struct UpstreamConnection: Sendable, Hashable {
    public struct TLS: Sendable, Hashable {
        /// Whether workers must show a certificate that is valid and theirs; if not, whoever stands between can read
        /// on.
        public var isVerified = true
        /// The authorities that are trusted, in PEM; nil for those that the machine trusts.
        public var authorityFile: String?
        /// What the certificates must carry; nil for each worker's own name, or its address where it has none.
        public var serverName: String?

        public init() {}

        var trust: TLSContext.Trust {
            guard isVerified else { return .unverified }
            return authorityFile.map { .authorities(file: $0) } ?? .system
        }
    }

    /// Nil for connections that are not encrypted.
    public var tls: TLS?
    /// Whether connections begin with a PROXY header, which tells the client's address, and of which version.
    public var proxyProtocol: ProxyHeader.Version?

    /// Whether HTTP/2 is spoken, with TLS and without; HTTP/1.1 stays for requests to upgrade.
    public var isHTTP2 = false

    public init() {}

    /// Connections of this kind; reads the authorities, and blocks meanwhile. `serverNames` are those of workers that
    /// have names.
    /// - Throws: `.unusableFile`, which names the file and says what to do.
    public func kind(serverNames: [SocketAddress: String] = [:]) throws(TLSError) -> HTTPConnectionKind {
        guard self != UpstreamConnection() else { return .plain }
        let upgrades = HTTPConnectionKind(
            tls: try context(for: "http/1.1"), serverName: tls?.serverName, serverNames: serverNames,
            proxyProtocol: proxyProtocol)
        guard isHTTP2 else { return upgrades }
        return HTTPConnectionKind(
            tls: try context(for: "h2"), serverName: tls?.serverName, serverNames: serverNames,
            proxyProtocol: proxyProtocol, http2: HTTP2Settings(), upgrades: upgrades)
    }

    private func context(for name: String) throws(TLSError) -> TLSContext? {
        guard let tls else { return nil }
        return try .client(trusting: tls.trust, applicationProtocols: [name])
    }
}
