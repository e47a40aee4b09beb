internal import IgropyrOrchestration

extension PlanReport {
    /// Takes the placement twice: not for an event loop.
    /// - Throws: What would refuse the deployment or the scale; that a host is not there.
    init(_ request: PlanRequest, _ snapshot: Replica.Snapshot, host: HostName) throws(DeploymentError) {
        try Self.check(request.without, snapshot)
        var alive = snapshot.alive
        for name in request.without { alive.remove(name) }
        let deployments = try Self.deployments(after: request, snapshot.state, host)
        guard request.isCheck != true else {
            self.init(host: host, moves: [], shortfalls: [:])
            return
        }
        let after = Placement(deployments: deployments, hosts: snapshot.state.placementHosts(alive: alive))
        let isNow = request.without.isEmpty && request.scale == nil && request.spec == nil
        let before = isNow ? Self.running(snapshot) : Self.kinds(snapshot.state.placement(alive: snapshot.alive))
        let wanted = Self.kinds(after)
        let (old, new) = (Set(before.keys), Set(wanted.keys))
        var moves = new.subtracting(old).map { Move(.start, $0, Self.startReason(request, isNow)) }
        moves += old.subtracting(new).map { Move(.stop, $0, Self.stopReason($0, request, isNow)) }
        moves += Self.replacements(before, wanted)
        self.init(
            host: host,
            moves: moves.sorted { ($0.application, $0.host, $0.index) < ($1.application, $1.host, $1.index) },
            shortfalls: after.shortfalls.mapValues(\.description),
            holds: isNow ? Self.holds(snapshot.state, after) : nil)
    }

    private static func holds(_ state: ReplicatedState, _ placement: Placement) -> [ApplicationName: String] {
        state.deployments.reduce(into: [:]) { holds, entry in
            holds[entry.key] = StatusReport.Rollout(entry.value, placement, state)?.hold(of: entry.key)
        }
    }

    /// Nothing would move without a host that is misspelt or gone, which does not say that it can be spared.
    private static func check(_ hosts: [HostName], _ snapshot: Replica.Snapshot) throws(DeploymentError) {
        let nodes = snapshot.members.filter { StatusReport.Host.Role($0) == .node }
        for host in hosts {
            guard let node = nodes.first(where: { $0.host == host }) else {
                throw .unknownHost(host, nodes: nodes.compactMap(\.host))
            }
            let status = StatusReport.Host.Status(node.status)
            guard status == .alive else {
                throw .notNow("\(host) \(status.predicate) already: igropyr plan shows what is yet to happen")
            }
        }
    }

    private static func deployments(
        after request: PlanRequest, _ present: ReplicatedState, _ host: HostName
    ) throws(DeploymentError) -> [ApplicationName: DeploymentSpec] {
        var state = present
        if let application = request.application, let spec = request.spec {
            var clock = HybridClock(host: host)
            let whole = spec.withSecrets(of: present.liveDeployments[application])
            _ = try state.deploy(application, whole, at: .now, clock: &clock)
        }
        if let application = request.application, let scale = request.scale {
            var clock = HybridClock(host: host)
            _ = try state.change(application, .scale(to: scale), at: .now, clock: &clock)
        }
        return state.liveDeployments
    }

    /// What tells whether a worker may stay.
    private struct Kind: Hashable {
        let revision: BundleDigest
        let fingerprint: String?
    }

    private static func kinds(_ placement: Placement) -> [WorkerSlot: [Kind]] {
        let workers = placement.workers.values.flatMap { $0 }
        return Dictionary(
            workers.map { ($0.key, [Kind(revision: $0.value.revision, fingerprint: $0.value.fingerprint)]) }
        ) { first, _ in first }
    }

    private static func running(_ snapshot: Replica.Snapshot) -> [WorkerSlot: [Kind]] {
        var kinds: [WorkerSlot: [Kind]] = [:]
        for record in snapshot.state.hosts.values where snapshot.alive.contains(record.name) {
            for worker in record.workers where worker.state != .draining && !worker.awaitsBundle {
                let slot = worker.slot(on: record.name)
                kinds[slot, default: []].append(Kind(revision: worker.revision, fingerprint: worker.fingerprint))
            }
        }
        return kinds
    }

    /// Slots of both whose workers get other settings, or another revision.
    private static func replacements(_ before: [WorkerSlot: [Kind]], _ after: [WorkerSlot: [Kind]]) -> [Move] {
        after.compactMap { slot, wanted in
            guard let present = before[slot], let kind = wanted.first, !present.contains(kind) else { return nil }
            let isOfRevision = present.contains { $0.revision == kind.revision }
            return Move(.replace, slot, isOfRevision ? "by other settings" : "by revision \(kind.revision.short)")
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
