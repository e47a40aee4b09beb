/// What the checks of one process say together: when it is ready, and when it is well no more.
public struct HealthWatch: Hashable, Sendable {
    public enum Verdict: Hashable, Sendable {
        /// None was passed so far.
        case notYet
        /// The first check was passed.
        case ready
        /// So many in a row were failed since; said once.
        case unwell
    }

    /// Before the first check is passed: until then the start time-out counts.
    private static let startInterval: Duration = .milliseconds(100)

    public let check: HealthCheck
    private var isReady: Bool
    private var failures = 0

    public init(_ check: HealthCheck, isReady: Bool = false) {
        self.check = check
        self.isReady = isReady
    }

    /// From one answer to the next question.
    public var pause: Duration {
        let interval = Duration.milliseconds(check.intervalMilliseconds)
        return isReady ? interval : min(interval, Self.startInterval)
    }

    public mutating func note(isPassed: Bool) -> Verdict? {
        if isPassed {
            failures = 0
            defer { isReady = true }
            return isReady ? nil : .ready
        }
        guard isReady else { return .notYet }
        failures += 1
        return failures == check.failures ? .unwell : nil
    }
}
