public import IgropyrTime

/// Bounds how much load retries add to workers that fail already: a bucket of tokens, one for a retry.
///
/// When a host dies, each request that is in flight there needs one retry at the same moment, until the address is
/// remembered as refusing: so the bucket starts full and holds as many tokens as a loop has connections. Afterwards
/// retries live on their share of the traffic.
public struct RetryBudget: Sendable {
    public struct Settings: Sendable, Hashable {
        /// Retries for each request, in the long run.
        public var share = 0.2
        /// Retries a second that a balancer may make however little traffic it has.
        public var perSecond = 10.0
        /// Retries that may come at once.
        public var burst = 1024.0

        public init() {}
    }

    private let settings: Settings
    private var tokens: Double
    private var filledAt: Timestamp

    public init(_ settings: Settings = Settings(), at now: Timestamp) {
        self.settings = settings
        tokens = settings.burst
        filledAt = now
    }

    public mutating func noteRequest() { tokens = min(settings.burst, tokens + settings.share) }

    /// Whether a retry may be made now; if so, it is paid for.
    public mutating func takeRetry(at now: Timestamp) -> Bool {
        let elapsed = filledAt.duration(to: now)
        if elapsed > .zero {
            tokens = min(settings.burst, tokens + elapsed / .seconds(1) * settings.perSecond)
            filledAt = now
        }
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
