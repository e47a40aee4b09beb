internal import FoundationEssentials
internal import IgropyrUV

/// Where a WebSocket is to be had: `ws://host:port/path?query`, or `wss:` for TLS (RFC 6455 §3).
struct WebSocketURL: Hashable, Sendable {
    let isEncrypted: Bool
    let endpoint: IgropyrUV.Endpoint
    /// In origin form.
    let target: String

    /// Nil for any other URL, for one with a fragment and for one with a user's name.
    init?(_ text: String) {
        guard let parts = URLComponents(string: text), parts.fragment == nil, parts.user == nil, parts.password == nil,
            let host = parts.host, !host.isEmpty
        else { return nil }
        switch parts.scheme?.lowercased() {
        case "ws": isEncrypted = false
        case "wss": isEncrypted = true
        default: return nil
        }
        guard let port = parts.port.map({ UInt16(exactly: $0) }) ?? (isEncrypted ? 443 : 80) else { return nil }
        endpoint = IgropyrUV.Endpoint(host: host.first == "[" ? String(host.dropFirst().dropLast()) : host, port: port)
        let path = parts.percentEncodedPath
        target = (path.isEmpty ? "/" : path) + (parts.percentEncodedQuery.map { "?\($0)" } ?? "")
    }

    /// Nil if the host is an address.
    var serverName: String? {
        SocketAddress(endpoint.host, port: endpoint.port) == nil ? endpoint.host : nil
    }
}
