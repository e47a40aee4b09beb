public import IgropyrTime

/// The ``HealthGate``s of a host's workers, by their ids.
public struct HealthGates: Hashable, Sendable {
    private var gates: [Int: HealthGate] = [:]
    /// When to look again although no worker changes.
    public private(set) var deadline: Timestamp?

    public init() {}

    public var verdicts: [Int: HealthGate.Verdict] { gates.mapValues(\.verdict) }

    /// Looks at all workers that there are, and forgets those that have gone.
    /// - Returns: The same, each with what was found as ``LocalWorker/isAvailable``.
    public mutating func judge(
        _ workers: [LocalWorker], limits: (WorkerSlot) -> HealthGate.Limits, at now: Timestamp
    ) -> [LocalWorker] {
        var next: [Int: HealthGate] = [:]
        deadline = nil
        defer { gates = next }
        return workers.map { worker in
            let limits = limits(worker.slot)
            var gate = gates[worker.id] ?? HealthGate(at: now)
            gate.handle(worker, limits: limits, at: now)
            next[worker.id] = gate
            deadline = [deadline, gate.deadline(limits)].compactMap(\.self).min()
            var judged = worker
            judged.isAvailable = gate.verdict == .available
            return judged
        }
    }
}
