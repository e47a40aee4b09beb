internal import HTTPTypes

/// Sends clients that came without TLS to the same target by https: 308, which keeps the method.
public struct HTTPSRedirect: Middleware {
    /// Whether `X-Forwarded-Proto: https` counts as TLS. Only behind a proxy that always sets or removes it.
    public var trustsProxy: Bool
    /// Where https is served.
    public var port: UInt16

    public init(port: UInt16 = 443, trustsProxy: Bool = false) {
        self.port = port
        self.trustsProxy = trustsProxy
    }

    public func before(_ request: Request) throws -> Response? {
        let isEncrypted = request.isEncrypted || trustsProxy && request.header("X-Forwarded-Proto") == "https"
        guard !isEncrypted else { return nil }
        guard let authority = request.authority else {
            throw HTTPFailure(.upgradeRequired, "This is served by https only.")
        }
        let location = "https://\(Self.host(of: authority))\(port == 443 ? "" : ":\(port)")\(request.pathAndQuery)"
        return Redirect(to: location, status: .permanentRedirect).response
    }

    /// Without the port; an IPv6 address has colons within its brackets.
    private static func host(of authority: String) -> Substring {
        guard let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") else {
            return authority[...]
        }
        return authority[..<colon]
    }
}
