/// How workers are asked whether they are well, without waiting for a request to fail.
public struct HealthCheckSettings: Sendable, Hashable {
    /// The target of a GET; nil to look only whether a connection is taken.
    public var path: String?
    /// What the `Host` field says; nil for the worker's address.
    public var host: String?
    /// From one answer to the next question.
    public var interval = Duration.seconds(2)
    /// For the connection, and again for the answer.
    public var timeout = Duration.seconds(1)
    /// Checks in a row that a worker must pass to get requests again.
    public var passesToRise = 2
    /// Checks in a row that a worker must fail to get no more requests.
    public var failuresToFall = 3
    /// Statuses that pass.
    public var statuses: ClosedRange<Int> = 200...399

    public init(path: String? = nil) { self.path = path }
}

/// What checks of one worker say together. It counts as well until they have said otherwise.
struct HealthCheckRecord {
    private let settings: HealthCheckSettings
    private(set) var isPassed = true
    /// Results in a row that speak against ``isPassed``.
    private var contradictions = 0

    init(_ settings: HealthCheckSettings) { self.settings = settings }

    /// - Returns: whether that changed ``isPassed``.
    mutating func note(isPassed result: Bool) -> Bool {
        guard result != isPassed else {
            contradictions = 0
            return false
        }
        contradictions += 1
        guard contradictions >= (isPassed ? settings.failuresToFall : settings.passesToRise) else { return false }
        isPassed = result
        contradictions = 0
        return true
    }
}
