internal import IgropyrTime

/// What a peer brings on average; time in which it was made to wait does not count. A class, so that a connection
/// without a body has no room for it.
final class TransferRate {
    private var bytes = 0
    /// In nanoseconds, of the stretches that are over.
    private var counted: Int64 = 0
    private var runningSince: Timestamp?

    func add(_ count: Int) { bytes += count }

    func run(at now: Timestamp) { if runningSince == nil { runningSince = now } }

    func pause(at now: Timestamp) {
        counted = elapsed(at: now)
        runningSince = nil
    }

    /// Whether there was less than `minimum` bytes a second, once `grace` is over.
    func isBelow(_ minimum: Int, after grace: Duration, at now: Timestamp) -> Bool {
        let elapsed = elapsed(at: now)
        guard minimum > 0, elapsed > grace.nanosecondsClamped else { return false }
        return Double(bytes) * 1e9 < Double(minimum) * Double(elapsed)
    }

    private func elapsed(at now: Timestamp) -> Int64 {
        counted &+ (runningSince.map { now.nanoseconds &- $0.nanoseconds } ?? 0)
    }
}
