internal import IgropyrTime

/// When to try again to start what did not start: after a second, then after twice as long each time, up to a minute.
struct StartBackOff {
    private static let first = Duration.seconds(1)
    private static let longest = Duration.seconds(60)

    private var delay = first
    private var notBefore: Timestamp?

    /// How long not to try; nil for no time.
    func remaining(at now: Timestamp) -> Duration? {
        guard let notBefore, now < notBefore else { return nil }
        return now.duration(to: notBefore)
    }

    /// Failures while it is waited for the next try are one with the last.
    mutating func didFail(at now: Timestamp) {
        guard remaining(at: now) == nil else { return }
        notBefore = now.advanced(by: delay)
        delay = min(delay * 2, Self.longest)
    }

    mutating func didStart() { self = StartBackOff() }
}
