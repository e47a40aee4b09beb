internal import HTTPTypes
package import IgropyrTime
internal import IgropyrTransport
public import IgropyrUV

/// Tells clients that ask too often 429, with `Retry-After` (RFC 6585 §4). Each client may make `burst` requests at
/// once and `requestsPerSecond` in the long run, over all loops of this process; other workers count by themselves.
///
/// A client is an address, of IPv6 its first 64 bits. Behind a balancer all have the balancer's: name it in
/// `trustedProxies`, so that `X-Forwarded-For` is believed.
public struct RateLimit: Middleware {
    private let limit: ClientRateLimit
    private let trustedProxies: [IPNetwork]

    /// `requestsPerSecond` is more than 0, `burst` at least 1. Of more clients than `clients` at a time some are
    /// forgotten and may make a burst anew; each takes 24 bytes, from the start.
    public init(requestsPerSecond: Double, burst: Int, trustedProxies: [IPNetwork] = [], clients: Int = 16_384) {
        precondition(requestsPerSecond > 0 && burst >= 1 && clients >= 1, "a rate limit lets something through")
        var settings = RateLimitSettings(requestsPerSecond: requestsPerSecond, burst: burst)
        settings.clients = clients
        limit = ClientRateLimit(settings)
        self.trustedProxies = trustedProxies
    }

    public func before(_ request: Request) throws -> Response? {
        guard let loop = request.loop else { throw CancellationError() }  // Nobody is left to read the answer.
        try count(request.clientAddress(trusting: trustedProxies), at: loop.now)
        return nil
    }

    /// Counts a request.
    /// - Throws: ``HTTPFailure`` 429 if it is one too many.
    package func count(_ client: SocketAddress?, at now: Timestamp) throws {
        guard let pause = limit.take(ClientLimit.Client(client), at: now) else { return }
        let seconds = pause.secondsRoundedUp
        throw HTTPFailure(
            .tooManyRequests, "Slow down: ask again in \(seconds) s.", fields: [.retryAfter: "\(seconds)"])
    }

    /// Whether the two count together.
    package func isSame(as other: RateLimit) -> Bool { limit === other.limit }
}
