public import IgropyrTime

/// What a host takes from the cluster's state to do now, and when it has to look again although nothing changes. A
/// value: it is told the time.
public struct Agenda: Sendable {
    /// Of one look.
    public struct Findings: Sendable {
        /// The host's, each with what its ``HealthGate`` has found.
        public let workers: [LocalWorker]
        public let rollouts: Rollouts
        public let quarantines: [ApplicationName: Quarantine]
        /// What should run here.
        public let desired: [WorkerSlot: WorkerSpec]
        /// Slots whose old worker must end before the new one starts.
        public let exclusive: Set<WorkerSlot>
        /// Slots that do not get their bundle, and why, for people: their new workers count as failed.
        public let unfetched: [WorkerSlot: String]
    }

    public let host: HostName
    private var absences = Absences()
    private var gates = HealthGates()
    /// What it is told of by whoever fetches.
    public var fetchFailures = FetchFailures()
    private var handoverEnds: [WorkerSlot: Timestamp] = [:]
    /// When another worker may start, if none has become ready until then.
    private var nextStart: Timestamp?

    public init(of host: HostName) { self.host = host }

    /// By the workers' ids.
    public var verdicts: [Int: HealthGate.Verdict] { gates.verdicts }

    /// When to look again; those of the past have been looked at.
    public func deadline(after now: Timestamp) -> Timestamp? {
        let times =
            [absences.deadline, gates.deadline, fetchFailures.deadline, nextStart].compactMap(\.self)
            + handoverEnds.values
        return times.filter { $0 > now }.min()
    }

    /// To be called whenever the state, who is alive or failed, or the host's workers have changed.
    public mutating func look(
        at state: ReplicatedState, alive: Set<HostName>, failed: Set<HostName>, _ workers: [LocalWorker],
        at now: Timestamp
    ) -> Findings {
        let hosts = absences.hosts(alive: alive, failed: failed, at: now)
        let placement = state.placement(alive: hosts)
        let rollouts = Rollouts(state, placement)
        let workers = gates.judge(workers, limits: { rollouts.limits(of: $0) }, at: now)
        nextStart = workers.contains(where: \.isStartingAnew) ? now.advanced(by: Supervision.longestStart) : nil
        let assignments = rollouts.assignments(on: host, workers)
        let unfetched = fetchFailures.judge(
            assignments.specs, waiting: rollouts.waiting(for: assignments.specs, workers),
            limits: { rollouts.limits(of: $0) }, at: now)
        return Findings(
            workers: workers, rollouts: rollouts,
            quarantines: state.quarantines(alive: alive, placement: placement),
            desired: assignments.specs.merging(handovers(workers, placement, state, at: now)) { $1 },
            exclusive: assignments.exclusive, unfetched: unfetched)
    }

    /// Workers that have their place elsewhere now, and stay until they are replaced there.
    private mutating func handovers(
        _ workers: [LocalWorker], _ placement: Placement, _ state: ReplicatedState, at now: Timestamp
    ) -> [WorkerSlot: WorkerSpec] {
        let moving = placement.moving(in: state)
        let kept = workers.filter { worker in
            worker.state == .ready && moving.contains(worker.slot.application)
                && placement.workers[host]?[worker.slot] == nil
        }
        handoverEnds = handoverEnds.filter { end in kept.contains { $0.slot == end.key } }
        var result: [WorkerSlot: WorkerSpec] = [:]
        for worker in kept {
            let end = handoverEnds[worker.slot] ?? now.advanced(by: Placement.longestHandover)
            handoverEnds[worker.slot] = end
            if now < end { result[worker.slot] = worker.spec }
        }
        return result
    }
}
