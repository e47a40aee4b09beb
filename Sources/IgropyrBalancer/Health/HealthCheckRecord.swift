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
