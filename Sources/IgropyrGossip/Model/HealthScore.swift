/// How far we trust our own view: 0 is healthy; failures that others do not see raise it and slow our probes (Lifeguard).
struct HealthScore: Sendable {
    private(set) var value = 0
    let limit: Int

    mutating func apply(_ delta: Int) { value = min(max(0, limit - 1), max(0, value + delta)) }
}
