internal import HTTPTypes

/// Refuses, by 403, what a browser sends for a page of another origin and may change something: cookies go along with a
/// form that some other page has its visitors send unseen (cross-site request forgery). Needs no token in forms.
///
/// Browsers say so by `Sec-Fetch-Site`, over https and to the loopback, and older ones by `Origin`, which must name the
/// host that is asked. Who sends neither is no browser. Requests by GET, HEAD and OPTIONS pass: have them change
/// nothing. A WebSocket looks at its own origins.
public struct CrossOriginProtection: Middleware {
    /// Whose pages may nevertheless; written as browsers do: `https://example.org`, with the port unless it is the
    /// scheme's own.
    public var trusted: Set<String>

    public init(trusting origins: Set<String> = []) { trusted = origins }

    public func before(_ request: Request) throws -> Response? {
        switch request.method {
        case .get, .head, .options: return nil
        case .connect: return nil  // A WebSocket's, in HTTP/2.
        default: break
        }
        guard isOwn(request) else {
            throw HTTPFailure(.forbidden, "This was sent by a page of another site.")
        }
        return nil
    }

    private func isOwn(_ request: Request) -> Bool {
        let origin = request.header("Origin")
        if let origin, trusted.contains(origin) { return true }
        if let site = request.header("Sec-Fetch-Site") { return site == "same-origin" || site == "none" }
        guard let origin else { return true }
        guard let start = origin.firstRange(of: "://")?.upperBound, let authority = request.authority else {
            return false
        }
        return origin[start...].lowercased() == authority.lowercased()
    }
}
