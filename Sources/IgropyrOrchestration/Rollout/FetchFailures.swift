public import IgropyrTime

/// The bundles that a host tries to get and does not: whether its old workers wait for them for so long that their
/// successors count as failed, as new workers do that are not ready in time.
///
/// The time begins with the first attempt that fails: a bundle that is large or comes slowly has failed nothing yet.
public struct FetchFailures: Hashable, Sendable {
    private struct Failure: Hashable {
        var since: Timestamp
        var reason: String
    }

    private var failures: [BundleDigest: Failure] = [:]
    /// When to look again although no attempt ends.
    public private(set) var deadline: Timestamp?

    public init() {}

    /// An attempt has failed; why, for people. Where a part of the bundle has come all the same, the time begins anew.
    ///
    /// Without anybody alive who has the bundle (`isHeld`), this host may be cut off from the rest, where the revision
    /// may be doing well: it only waits.
    public mutating func handleFailure(
        of bundle: BundleDigest, _ reason: String, isHeld: Bool, hasProgressed: Bool, at now: Timestamp
    ) {
        guard isHeld else { return forget(bundle) }
        let since = hasProgressed ? now : failures[bundle]?.since ?? now
        failures[bundle] = Failure(since: since, reason: reason)
    }

    /// It is here, or nothing of it is wanted or to be had any more.
    public mutating func forget(_ bundle: BundleDigest) { failures[bundle] = nil }

    /// `desired` is all that should run here, and what else has failed is forgotten; `waiting` are those of its slots
    /// in which an old worker waits for its successor in a rollout.
    /// - Returns: Those whose time is over, and why, for people.
    mutating func judge(
        _ desired: [WorkerSlot: WorkerSpec], waiting: Set<WorkerSlot>, limits: (WorkerSlot) -> HealthGate.Limits,
        at now: Timestamp
    ) -> [WorkerSlot: String] {
        let wanted = Set(desired.values.map(\.revision))
        failures = failures.filter { wanted.contains($0.key) }
        deadline = nil
        var overdue: [WorkerSlot: String] = [:]
        for slot in waiting {
            guard let spec = desired[slot], let failure = failures[spec.revision] else { continue }
            let patience = limits(slot).readyWithin
            let end = failure.since.advanced(by: patience)
            if now >= end {
                overdue[slot] = "its bundle has not come for \(patience.brief): \(failure.reason)"
            } else {
                deadline = [deadline, end].compactMap(\.self).min()
            }
        }
        return overdue
    }
}
