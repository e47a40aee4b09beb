/// What a placement means for the workers of one host, with the rollouts that are under way.
public struct Rollouts: Sendable {
    private let state: ReplicatedState
    private let placement: Placement
    /// Those that are not complete.
    public let underWay: [ApplicationName: Rollout]

    public init(_ state: ReplicatedState, _ placement: Placement) {
        self.state = state
        self.placement = placement
        underWay = state.deployments.filter { !$0.value.progress.isComplete }
            .compactMapValues { Rollout($0, in: placement, state: state) }
    }

    /// What this host's slots should run now, and in which of them the old worker must end first.
    public func assignments(
        on host: HostName, _ workers: [LocalWorker]
    ) -> (specs: [WorkerSlot: WorkerSpec], exclusive: Set<WorkerSlot>) {
        let present = Dictionary(grouping: workers.filter { $0.state != .draining }, by: \.slot)
        var specs = placement.workers[host] ?? [:]
        var exclusive: Set<WorkerSlot> = []
        var others: [ApplicationName: Rollout] = [:]
        for (slot, target) in specs {
            let present = present[slot] ?? []
            let name = slot.application
            // One that is complete still goes slot by slot where a host was away, and is back with old workers.
            let isBehind = present.contains { $0.spec != target }
            guard let deployment = state.deployments[name], isBehind || underWay[name] != nil else { continue }
            let rollout = underWay[name] ?? others[name] ?? Rollout(deployment, in: placement, state: state)
            others[name] = rollout
            guard let assignment = rollout?.assignment(of: slot, present: present) else { continue }
            specs[slot] = assignment.spec
            if assignment.isExclusive { exclusive.insert(slot) }
        }
        return (specs, exclusive)
    }

    /// The slots of rollouts in which there is an old worker and no new one, although its turn has come.
    func waiting(for specs: [WorkerSlot: WorkerSpec], _ workers: [LocalWorker]) -> Set<WorkerSlot> {
        let present = Dictionary(grouping: workers.filter { $0.state != .draining }, by: \.slot)
        return Set(
            specs.keys.filter { slot in
                guard underWay[slot.application] != nil, let present = present[slot] else { return false }
                return !present.contains { $0.spec == specs[slot] }
            })
    }

    public func limits(of slot: WorkerSlot) -> HealthGate.Limits {
        if let rollout = underWay[slot.application] { return rollout.limits(of: slot) }
        return (state.deployments[slot.application]?.spec?.updatePolicy ?? UpdatePolicy()).limits()
    }
}
