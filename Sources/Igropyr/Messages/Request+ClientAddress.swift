public import IgropyrUV

extension Request {
    /// Who asks: the peer, or, where that is one of `proxies`, whom these say they ask for: the last of
    /// `X-Forwarded-For` that is none of them, since what stands before it anybody may have written. Nil once the
    /// client is gone.
    public func clientAddress(trusting proxies: [IPNetwork]) -> SocketAddress? {
        guard let peer = remoteAddress, proxies.contains(peer.host) else { return remoteAddress }
        var client = peer
        let names = headers("X-Forwarded-For").joined(separator: ",").split(separator: ",")
        for name in names.reversed().prefix(32) {
            guard let address = SocketAddress(parsing: String(name.trimmedOfSpaces), defaultPort: 0) else { break }
            client = address
            guard proxies.contains(address.host) else { break }
        }
        return client
    }
}
