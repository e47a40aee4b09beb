/// How far we trust our own view: 0 is healthy; failures that others do not see raise it and slow our probes
/// (Lifeguard).
struct HealthScore: Sendable {
    private(set) var value = 0
    let limit: Int

    /// So much longer as we are less healthy.
    func stretched(_ interval: Duration) -> Duration { value == 0 ? interval : interval * (value + 1) }

    mutating func apply(_ delta: Int) { value = min(max(0, limit - 1), max(0, value + delta)) }
}
