import IgropyrHTTP
public import IgropyrUV

/// Whom to believe about where a request comes from, and what workers are told of it (`X-Forwarded-*`, `Forwarded`).
public struct ForwardedPolicy: Sendable, Hashable {
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        /// What the request has is dropped: workers see the client as the balancer does.
        case replace
        /// The peer's address goes behind what the request has.
        case append
        /// What a trusted peer sent is passed on as it is; from others it is replaced.
        case trust
    }

    public var mode = Mode.append
    /// Whether workers are told the same in `Forwarded` (RFC 7239), too.
    public var writesStandardField = false
    /// The networks of proxies in front that are believed; from others nothing is.
    public var trusted: [IPNetwork] = []

    public init() {}

    public func trusts(_ address: SocketAddress) -> Bool { trusted.contains { $0.contains(address.host) } }

    /// The client: the last address in `X-Forwarded-For` that is no trusted proxy's, if the peer is one. Whatever an
    /// untrusted party wrote stands before it and is not looked at.
    ///
    /// - Returns: The peer itself where nobody is trusted, or what a trusted proxy wrote cannot be read.
    @inline(__always) func client(of head: MessageHead, _ bytes: RawSpan, peer: SocketAddress?) -> SocketAddress? {
        guard let peer, !trusted.isEmpty else { return peer }  // The common case.
        return trusts(peer) ? lastUntrusted(in: head, bytes, before: peer) : peer
    }

    private func lastUntrusted(in head: MessageHead, _ bytes: RawSpan, before peer: SocketAddress) -> SocketAddress {
        var hops: [SocketAddress?] = []
        head.forEachField(in: bytes) { name, value in
            guard bytes.matches("x-forwarded-for", in: name) else { return }
            for hop in bytes.string(in: value).split(separator: ",", omittingEmptySubsequences: false) {
                hops.append(Self.address(hop))
            }
        }
        var client = peer
        for hop in hops.reversed() {
            guard let hop else { break }
            client = hop
            guard trusts(hop) else { break }
        }
        return client
    }

    /// An address, maybe with its port, as some proxies write it.
    private static func address(_ text: Substring) -> SocketAddress? {
        let text = text.filter { $0 != " " && $0 != "\t" }
        return SocketAddress(parsing: text, defaultPort: 0)
    }
}
