public import IgropyrConfiguration
public import IgropyrTransport
public import IgropyrUV

/// One address where clients connect, and how they are spoken to there.
public struct ListenerSettings: Sendable, Hashable {
    /// A host by name or number, and a port; resolved when the balancer starts.
    public var address: NetworkAddress
    /// Nil for plain HTTP.
    public var tls: TLSConfiguration?
    /// Whether HTTP/2 is spoken, too: chosen in the TLS handshake, or by prior knowledge without TLS.
    public var allowsHTTP2 = true
    /// Answers each request with a 308 to HTTPS on that port; nil to forward requests. Not with ``tls``.
    public var redirectsToHTTPSPort: UInt16?
    /// Peers that send a PROXY protocol header, and must; empty for none.
    public var proxyProtocolPeers: [IPNetwork] = []

    public init(address: NetworkAddress) { self.address = address }
}
