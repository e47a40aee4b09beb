internal import IgropyrOrchestration

extension PlanReport {
    /// Takes the placement twice: not for an event loop.
    init(_ request: PlanRequest, _ snapshot: Replica.Snapshot, host: HostName) {
        var alive = snapshot.alive
        for name in request.without { alive.remove(name) }
        var deployments = snapshot.state.liveDeployments
        if let application = request.application {
            if let spec = request.spec { deployments[application] = spec.withSecrets(of: deployments[application]) }
            if let scale = request.scale { deployments[application]?.scale = scale }
        }
        let after = Placement(deployments: deployments, hosts: snapshot.state.placementHosts(alive: alive))
        let isNow = request.without.isEmpty && request.scale == nil && request.spec == nil
        let present = snapshot.state.placement(alive: snapshot.alive)
        let before = isNow ? Self.running(snapshot) : Self.slots(present)
        let wanted = Self.slots(after)
        var moves = wanted.subtracting(before).map { Move(.start, $0, Self.startReason(request, isNow)) }
        moves += before.subtracting(wanted).map { Move(.stop, $0, Self.stopReason($0, request, isNow)) }
        let stays = wanted.intersection(before)
        moves += isNow ? Self.replacements(stays, after, snapshot) : Self.replacements(stays, after, of: present)
        self.init(
            host: host,
            moves: moves.sorted { ($0.application, $0.host, $0.index) < ($1.application, $1.host, $1.index) },
            shortfalls: after.shortfalls.mapValues(Self.text))
    }

    private static func slots(_ placement: Placement) -> Set<WorkerSlot> {
        Set(placement.workers.values.flatMap(\.keys))
    }

    private static func running(_ snapshot: Replica.Snapshot) -> Set<WorkerSlot> {
        var slots: Set<WorkerSlot> = []
        for record in snapshot.state.hosts.values where snapshot.alive.contains(record.name) {
            for worker in record.workers where worker.state != .draining {
                slots.insert(WorkerSlot(application: worker.application, host: record.name, index: worker.index))
            }
        }
        return slots
    }

    /// Slots that get other workers than they have in `present`.
    private static func replacements(
        _ slots: Set<WorkerSlot>, _ placement: Placement, of present: Placement
    ) -> [Move] {
        slots.compactMap { slot in
            guard let spec = placement.workers[slot.host]?[slot], let old = present.workers[slot.host]?[slot],
                spec.fingerprint != old.fingerprint
            else { return nil }
            return Move(
                .replace, slot,
                spec.revision == old.revision ? "by other settings" : "by revision \(spec.revision.short)")
        }
    }

    /// Slots whose workers are yet to be replaced.
    private static func replacements(
        _ slots: Set<WorkerSlot>, _ placement: Placement, _ snapshot: Replica.Snapshot
    ) -> [Move] {
        slots.compactMap { slot in
            guard let spec = placement.workers[slot.host]?[slot] else { return nil }
            let fingerprint = spec.fingerprint
            let present = (snapshot.state.hosts[slot.host]?.workers ?? []).filter {
                $0.application == slot.application && $0.index == slot.index && $0.state != .draining
            }
            guard !present.contains(where: { $0.fingerprint == fingerprint }) else { return nil }
            return Move(.replace, slot, "by revision \(spec.revision.short)")
        }
    }

    private static func startReason(_ request: PlanRequest, _ isNow: Bool) -> String {
        if isNow { return "it is wanted and not there yet" }
        if request.spec != nil { return "it would be deployed" }
        let gone = request.without.map(\.rawValue).joined(separator: ", ")
        return gone.isEmpty ? "the new scale" : "takes over from \(gone)"
    }

    private static func stopReason(_ slot: WorkerSlot, _ request: PlanRequest, _ isNow: Bool) -> String {
        if isNow { return "it has its place elsewhere, or none" }
        if request.without.contains(slot.host) { return "\(slot.host) is gone" }
        return request.spec == nil ? "the new scale" : "it would have its place elsewhere, or none"
    }

    private static func text(_ shortfall: Placement.Shortfall) -> String {
        switch shortfall {
        case .noEligibleHost: "no host that is alive has the tags that it asks for"
        case .hostsFull(let missing): "\(missing) of its workers find no room: their hosts are full"
        }
    }
}

extension DeploymentSpec {
    /// The values of secrets never leave the cluster: whoever plans does not know them.
    fileprivate func withSecrets(of present: DeploymentSpec?) -> DeploymentSpec {
        var spec = self
        for name in spec.secrets.keys { spec.secrets[name]?.value = present?.secrets[name]?.value }
        return spec
    }
}

extension PlanReport.Move {
    fileprivate init(_ kind: Kind, _ slot: WorkerSlot, _ reason: String) {
        self.init(kind: kind, application: slot.application, host: slot.host, index: slot.index, reason: reason)
    }
}
