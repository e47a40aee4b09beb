public import IgropyrUV

/// How connections to some servers are made and spoken on. Kinds are told apart by identity, and a connection of one
/// kind carries no request that asks for another: new certificates or keys are a new kind, and so mean new connections.
public final class HTTPConnectionKind: Sendable {
    /// HTTP without anything else.
    public static let plain = HTTPConnectionKind()

    /// Nil for connections that are not encrypted.
    public let tls: TLSContext?
    private let serverName: String?
    private let serverNames: [SocketAddress: String]
    /// Whether each connection begins with a PROXY header, before TLS, and of which version. It then belongs to the one
    /// client that the header names, by address and port, and no other client's request goes by it: fewer connections
    /// are used again.
    public let proxyProtocol: ProxyHeader.Version?

    /// What bounds connections in HTTP/2; nil for HTTP/1.1. It is spoken at once (RFC 9113 §3.3), or under TLS once the
    /// server agrees to it by ALPN: then ``tls`` must offer `h2` and nothing else.
    public let http2: HTTP2Settings?
    private let upgrades: HTTPConnectionKind?

    /// Where certificates prove the servers, they must carry `serverName`; without one, what `serverNames` say of the
    /// address that is called, or the address itself. With `http2`, requests to upgrade go by connections as `upgrades`
    /// has them.
    public init(
        tls: TLSContext? = nil, serverName: String? = nil, serverNames: [SocketAddress: String] = [:],
        proxyProtocol: ProxyHeader.Version? = nil, http2: HTTP2Settings? = nil, upgrades: HTTPConnectionKind? = nil
    ) {
        self.tls = tls
        self.serverName = serverName
        self.serverNames = serverNames
        self.proxyProtocol = proxyProtocol
        self.http2 = http2
        self.upgrades = upgrades
    }

    /// The same by TLS under a key that both ends hold, in place of certificates or no encryption.
    /// - Throws: if there is no memory.
    public func secured(by key: PreSharedKey) throws(TLSError) -> HTTPConnectionKind {
        let upgrades = HTTPConnectionKind(
            tls: try .preSharedKey(key, role: .client, applicationProtocols: ["http/1.1"]), proxyProtocol: proxyProtocol
        )
        guard let http2 else { return upgrades }
        return HTTPConnectionKind(
            tls: try .preSharedKey(key, role: .client, applicationProtocols: ["h2"]), proxyProtocol: proxyProtocol,
            http2: http2, upgrades: upgrades)
    }

    /// The kind for requests to go on in another protocol, which is HTTP/1.1.
    public var forUpgrades: HTTPConnectionKind { upgrades ?? self }

    /// Whom to expect at an address.
    func serverName(at address: SocketAddress) -> String? {
        tls == nil ? nil : serverName ?? serverNames[address] ?? address.hostText
    }

    /// What requests to `address` name as their host.
    public func host(of address: SocketAddress) -> String {
        guard let name = serverName ?? serverNames[address] else { return address.description }
        return address.port == 443 ? name : "\(name):\(address.port)"
    }
}

extension HTTPConnectionKind: Hashable {
    public static func == (left: HTTPConnectionKind, right: HTTPConnectionKind) -> Bool { left === right }
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
