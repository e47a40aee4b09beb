internal import Igropyr
internal import IgropyrUV

/// Who asks: the peer, or whom proxies that are believed say they ask for.
enum ClientAddress {
    /// The last of `X-Forwarded-For` that no trusted proxy has: what stands before it anybody may have written.
    static func of(_ request: Request, trusting proxies: [IPNetwork]) -> SocketAddress? {
        guard let peer = request.remoteAddress, proxies.contains(peer.host) else { return request.remoteAddress }
        var client = peer
        let names = request.headers("X-Forwarded-For").joined(separator: ",").split(separator: ",")
        for name in names.reversed().prefix(32) {
            guard let address = SocketAddress(parsing: String(name.trimming { $0 == " " }), defaultPort: 0) else {
                break
            }
            client = address
            guard proxies.contains(address.host) else { break }
        }
        return client
    }
}

extension Substring {
    fileprivate func trimming(_ isDropped: (Character) -> Bool) -> Substring {
        guard let start = firstIndex(where: { !isDropped($0) }), let end = lastIndex(where: { !isDropped($0) }) else {
            return ""
        }
        return self[start...end]
    }
}

extension [NetworkRule] {
    /// Whether all of the lists let the client in. One without an address is let in nowhere.
    func admit(_ client: SocketAddress?) -> Bool {
        allSatisfy { rule in
            guard let host = client?.host else { return false }
            return !rule.denied.contains(host) && (rule.allowed.isEmpty || rule.allowed.contains(host))
        }
    }
}
