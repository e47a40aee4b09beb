internal import IgropyrTime

/// How often the workers of one application may say something at one host, so that they leave the node to others. Who
/// says more is made to wait, then refused.
struct TopicPace {
    static let messagesPerSecond = 5000
    /// As much at once, after a pause, as in this time else.
    private static let burst: Duration = .seconds(1)
    /// So no more than 500 requests of one application wait, and leave the others room among the connections of
    /// ``TopicServer``.
    private static let longestWait: Duration = .milliseconds(100)
    private static let interval = Duration.seconds(1) / messagesPerSecond

    /// When the next one's turn would be, had they come evenly.
    private var next: Timestamp

    init(at now: Timestamp) { next = now.advanced(by: .zero - Self.burst) }

    /// Counts a message.
    /// - Returns: how long it has to wait for its turn; nil if that is too long.
    mutating func turn(at now: Timestamp) -> Duration? {
        let start = max(next, now.advanced(by: .zero - Self.burst))
        let wait = now.duration(to: start)
        guard wait <= Self.longestWait else { return nil }
        next = start.advanced(by: Self.interval)
        return max(.zero, wait)
    }

    /// Whether it says no more than one that begins then.
    func isFull(at now: Timestamp) -> Bool { next <= now.advanced(by: .zero - Self.burst) }
}
