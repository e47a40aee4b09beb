internal import IgropyrHTTP
internal import IgropyrUV

/// Tells the requests that a web page had a browser make.
///
/// A node without a key listens on loopback, where the browsers of its machine come, too: any page could have them
/// deploy and run commands. Nodes and people's tools send none of these fields, and name an address as host.
enum WebPageRequest {
    /// `Origin` and `Sec-Fetch-Site` say so. A page may be without either if its own host name was made to lead here
    /// (DNS rebinding): then that is what it names.
    static func isOne(_ head: MessageHead, _ bytes: RawSpan) -> Bool {
        guard head.value(of: "origin", in: bytes) == nil, head.value(of: "sec-fetch-site", in: bytes) == nil else {
            return true
        }
        guard let authority = head.authority.map({ bytes.string(in: $0) }) else { return false }
        return SocketAddress(parsing: authority, defaultPort: 0) == nil && !isLocalhost(authority)
    }

    private static func isLocalhost(_ authority: String) -> Bool {
        authority.split(separator: ":").first?.lowercased() == "localhost"
    }
}
