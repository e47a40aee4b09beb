internal import IgropyrGossip
internal import IgropyrHashing
internal import IgropyrOrchestration
internal import IgropyrTime

/// A host of ``ClusterSimulation``: what its agent has and does.
final class ClusterHost {
    /// Of a host with two cores.
    private static let startLimit = 4

    let index: Int
    let name: HostName
    /// Of its wall clock, in milliseconds.
    private let skew: Int64
    /// On disk: what was accepted is there after a loss of power.
    private(set) var state = ReplicatedState() {
        didSet { version += 1 }
    }
    private(set) var version = 0
    private var clock: HybridClock
    private var agenda: Agenda
    private var workers: [SimulatedWorker] = []
    private var bundles: Set<BundleDigest> = []
    private var fetching: [BundleDigest: Timestamp] = [:]
    private var lastID = 0
    private var epoch: Int64 = 1
    private var life: UInt32 = 0
    private var nextLook = Timestamp.distantFuture
    var mustLook = true
    var isDraining = false {
        didSet { mustLook = true }
    }
    /// Concluded by this host.
    private(set) var rollbacks = 0

    init(_ index: Int, _ name: HostName, skew: Int64) {
        (self.index, self.name, self.skew) = (index, name, skew)
        clock = HybridClock(host: name)
        agenda = Agenda(of: name)
    }

    var digest: UInt64 {
        let deployments = state.deployments.values.map { "\($0.name) \($0.timestamp)" }
        let hosts = state.hosts.values.map { "\($0.name) \($0.version.epoch) \($0.version.counter)" }
        return XXH64.hash((deployments.sorted() + hosts.sorted()).joined(separator: "\n"))
    }

    private func wall(_ now: Timestamp) -> UnixTime {
        ClusterSimulation.day.advanced(byMilliseconds: now.nanoseconds / 1_000_000 + skew)
    }

    // MARK: - What others do to it

    func deploy(_ name: ApplicationName, _ spec: DeploymentSpec, at now: Timestamp) throws -> Deployment {
        mustLook = true
        return try state.deploy(name, spec, at: wall(now), clock: &clock)
    }

    func change(_ name: ApplicationName, _ change: ReplicatedState.Change, at now: Timestamp) throws -> Deployment {
        mustLook = true
        return try state.change(name, change, at: wall(now), clock: &clock)
    }

    func take(_ delta: StateDelta, at now: Timestamp) {
        guard !delta.isEmpty else { return }
        if !state.apply(delta, at: wall(now), clock: &clock).isEmpty { mustLook = true }
    }

    // MARK: - Its life

    func live(in cluster: ClusterSimulation) {
        let member = cluster.membership.hosts[index]
        if member.life != life { beginAnew(member.life) }
        let time = member.localTime(at: cluster.now)
        liveWorkers(in: cluster, at: time)
        for (digest, due) in fetching where due <= time {
            fetching[digest] = nil
            bundles.insert(digest)
            mustLook = true
        }
        guard mustLook || nextLook <= time else { return }
        mustLook = false
        look(member.gossip, in: cluster, at: time)
    }

    /// After a loss of power: no process is left.
    private func beginAnew(_ life: UInt32) {
        self.life = life
        epoch += 1
        workers = []
        fetching = [:]
        agenda = Agenda(of: name)
        mustLook = true
    }

    private func liveWorkers(in cluster: ClusterSimulation, at time: Timestamp) {
        for position in workers.indices {
            let wasReady = workers[position].supervision.recordState == .ready
            guard workers[position].live(until: time, life: cluster.scenario.workerLife, &cluster.random) else {
                continue
            }
            mustLook = true
            if wasReady, workers[position].supervision.recordState != .ready, !workers[position].isUnwanted {
                cluster.workerDeaths += 1
            }
        }
        workers.removeAll { $0.isUnwanted && !$0.supervision.hasProcess }
    }

    private func look(_ gossip: Gossip, in cluster: ClusterSimulation, at time: Timestamp) {
        let alive = names(gossip, .alive)
        let findings = agenda.look(
            at: state, alive: alive, failed: names(gossip, .failed), workers.map { $0.local(at: time) }, at: time)
        for position in workers.indices where !workers[position].isUnwanted {
            let worker = workers[position]
            let isQuarantined = findings.quarantines[worker.slot.application]?.worker == worker.spec
            let action = workers[position].supervision.handleVerdict(isQuarantined: isQuarantined, at: time)
            workers[position].carryOut(action, at: time, &cluster.random)
        }
        conclude(findings.rollouts, at: wall(time))
        reconcile(findings, in: cluster, at: time)
        publish()
        nextLook = agenda.deadline(after: time) ?? .distantFuture
    }

    private func names(_ gossip: Gossip, _ status: Member.Status) -> Set<HostName> {
        Set(gossip.members.lazy.filter { $0.status == status }.compactMap { HostName(rawValue: $0.name) })
    }

    private func conclude(_ rollouts: Rollouts, at now: UnixTime) {
        for (name, rollout) in rollouts.underWay.sorted(by: { $0.key < $1.key }) {
            guard let verdict = rollout.verdict,
                state.conclude(name, verdict, of: rollout.timestamp, by: self.name, at: now) != nil
            else { continue }
            mustLook = true
            if case .failed = verdict { rollbacks += 1 }
        }
    }

    private func reconcile(_ findings: Agenda.Findings, in cluster: ClusterSimulation, at time: Timestamp) {
        let reconciler = Reconciler(
            desired: findings.desired, workers: findings.workers, bundles: bundles, fetching: Set(fetching.keys),
            retained: bundles, exclusive: findings.exclusive, startLimit: Self.startLimit)
        for action in reconciler.actions() {
            switch action {
            case .startWorker(let slot, let spec):
                lastID += 1
                var worker = SimulatedWorker(id: lastID, slot, spec)
                let isQuarantined = findings.quarantines[slot.application]?.worker == spec
                _ = worker.supervision.handleVerdict(isQuarantined: isQuarantined, at: time)
                worker.carryOut(worker.supervision.handleStart(at: time), at: time, &cluster.random)
                workers.append(worker)
                mustLook = true
            case .stopWorker(let id): stop(id, in: cluster, at: time)
            case .fetchBundle(let digest):
                fetching[digest] = time.advanced(
                    by: cluster.random.duration(in: .milliseconds(100)...(.milliseconds(2000))))
            case .removeBundle(let digest): bundles.remove(digest)
            }
        }
    }

    private func stop(_ id: Int, in cluster: ClusterSimulation, at time: Timestamp) {
        guard let position = workers.firstIndex(where: { $0.id == id }), !workers[position].isUnwanted else { return }
        workers[position].isUnwanted = true
        workers[position].carryOut(workers[position].supervision.handleStop(at: time), at: time, &cluster.random)
        mustLook = true
    }

    private func publish() {
        let verdicts = agenda.verdicts
        var record = HostRecord(
            name: name, address: "10.0.0.\(index + 1)", controlPort: 7947, cores: 2, isDraining: isDraining,
            bundles: bundles.sorted(),
            workers: workers.sorted { ($0.slot, $0.id) < ($1.slot, $1.id) }.map { $0.record(verdicts[$0.id]) })
        record.bundles = Array(record.bundles.prefix(StateLimits.bundlesPerHost))
        var next = state
        guard next.publish(record, epoch: epoch) else { return }
        state = next
        mustLook = true
    }

    /// With whom it exchanges its state now.
    func choosePeer(in cluster: ClusterSimulation) -> Int? {
        let gossip = cluster.membership.hosts[index].gossip
        let peers = cluster.hosts.filter { $0.index != index && gossip.holdsForAlive($0.name.rawValue) }
        return peers.randomElement(using: &cluster.random)?.index
    }

    /// What is not as it should be; nil if nothing is.
    func flaw(wanting desired: [WorkerSlot: WorkerSpec]) -> String? {
        for (slot, spec) in desired {
            let present = workers.filter { $0.slot == slot }
            guard present.count == 1 else { return "\(present.count) workers in the slot \(slot)" }
            guard present[0].spec == spec else { return "another revision in the slot \(slot)" }
        }
        return workers.first { desired[$0.slot] == nil }.map { "a worker in \($0.slot), which is no slot of \(name)'s" }
    }
}
