public import IgropyrTransport
public import IgropyrUV
import Logging

/// Where clients connect, and how they are spoken to there.
public struct BalancerListener: Sendable {
    public var source: SocketSource
    /// Where it was asked to listen, also if its sockets are handed over and listen elsewhere; nil if nobody said.
    public let askedAddress: SocketAddress?
    /// A process that ends soon has the port, at another address.
    var sharesPort = false
    /// Nil for plain HTTP. If it ``TLSConfiguration/awaitsCertificates``, they are those of ``Balancer/use(_:)``.
    public var tls: TLSConfiguration?
    /// Whether HTTP/2 is spoken, too: chosen in the TLS handshake, or by prior knowledge without TLS.
    public var allowsHTTP2 = true
    /// Answers each request with a 308 to HTTPS on that port; nil to forward requests.
    public var redirectsToHTTPSPort: UInt16?
    /// Whether connections begin with a PROXY header.
    public var proxyProtocol = ProxyProtocolPolicy.off

    public init(_ source: SocketSource) {
        self.source = source
        askedAddress = if case .address(let address) = source { address } else { nil }
    }
}

/// What a listener is for its loops: what it shares, made once.
struct OpenListener: Sendable {
    let settings: BalancerListener
    var tls: TLSContext?

    /// Reads the certificates; reports what is wrong with those that can be used. `given` are for who awaits some; nil
    /// if there are to be some later, until when it accepts nobody.
    init(
        _ settings: BalancerListener, _ given: [TLSConfiguration.Certificate]?, succeeding old: TLSContext? = nil,
        _ logger: Logger
    ) throws(TLSError) {
        self.settings = settings
        let protocols = settings.allowsHTTP2 ? HTTPServer.applicationProtocols : ["http/1.1"]
        if var tls = settings.tls {
            if tls.awaitsCertificates {
                guard let given else { return }
                tls.certificates = given
            }
            self.tls = try .server(tls, applicationProtocols: protocols, succeeding: old)
        }
        for warning in tls?.warnings ?? [] {
            logger.warning("a certificate needs attention", metadata: ["reason": "\(warning)"])
        }
    }

    /// Whether it shows those of ``Balancer/use(_:)``.
    var awaitsCertificates: Bool { settings.tls?.awaitsCertificates ?? false }

    var awaitsTLS: Bool { settings.tls != nil && tls == nil }

    func serverSettings(_ base: HTTPServerSettings) -> HTTPServerSettings {
        var server = base
        server.http2.isEnabled = settings.allowsHTTP2
        server.proxyProtocol = settings.proxyProtocol
        if let tls = settings.tls { server.handshakeTimeout = tls.handshakeTimeout }
        return server
    }
}
