import IgropyrOrchestration
import IgropyrTime
import TestSupport
import Testing

/// A cluster that rolls out, in virtual time: each host has its own copy of the state, its own clock and its workers,
/// and hears of the others late, by exchanges that get lost.
struct RolloutSimulation {
    struct Worker {
        var local: LocalWorker
        var gate: HealthGate
        /// When it becomes ready, or dies at its start.
        var due: Timestamp
    }

    struct Host {
        var name: HostName
        var state = ReplicatedState()
        var clock: HybridClock
        var workers: [Worker] = []
        /// What it has found out to have no program for its machine.
        var misfits: Set<BundleDigest> = []
        var isAlive = true
        /// Of its wall clock.
        var skew: Int64
        var lastID = 0

        mutating func deploy(_ spec: DeploymentSpec, at now: UnixTime) {
            _ = try? state.deploy(RolloutSimulation.name, spec, at: now.advanced(byMilliseconds: skew), clock: &clock)
        }

        mutating func change(_ change: ReplicatedState.Change, at now: UnixTime) throws {
            _ = try state.change(RolloutSimulation.name, change, at: now.advanced(byMilliseconds: skew), clock: &clock)
        }

        mutating func take(_ delta: StateDelta, at now: UnixTime) {
            let change = state.apply(delta, at: now.advanced(byMilliseconds: skew), clock: &clock)
            #expect(change.refusals.isEmpty)
        }
    }

    static let step: Duration = .milliseconds(100)
    static let name: ApplicationName = "shop"

    private(set) var hosts: [Host]
    private(set) var now = Timestamp.zero
    private var generator: SplitMix
    private let loss: Double
    /// Revisions whose workers never become ready, but end at once.
    var badRevisions: Set<BundleDigest> = []
    /// Hosts that have another machine than the others, and the revisions that have no program for it.
    var strangers: Set<Int> = []
    var badForStrangers: Set<BundleDigest> = []
    /// When a host first saw a new worker fail.
    private(set) var firstFailure: Timestamp?

    init(hosts count: Int, loss: Double, seed: UInt64) {
        generator = SplitMix(seed: seed)
        self.loss = loss
        hosts = []
        for index in 0..<count {
            let name = HostName(rawValue: "h\(index)")!
            hosts.append(
                Host(
                    name: name, clock: HybridClock(host: name), skew: .random(in: -30_000...30_000, using: &generator)))
        }
    }

    private var wall: UnixTime { day.advanced(byMilliseconds: now.nanoseconds / 1_000_000) }
    var alive: Set<HostName> { Set(hosts.filter(\.isAlive).map(\.name)) }

    // MARK: - What operators and fate do

    mutating func deploy(_ spec: DeploymentSpec) {
        let index = hosts.indices.filter { hosts[$0].isAlive }.randomElement(using: &generator)!
        hosts[index].deploy(spec, at: wall)
    }

    mutating func change(_ change: ReplicatedState.Change, on index: Int = 0) throws {
        try hosts[index].change(change, at: wall)
    }

    mutating func kill(_ index: Int) {
        hosts[index].isAlive = false
        hosts[index].workers = []
    }

    mutating func randomHost() -> Int { hosts.indices.randomElement(using: &generator)! }

    // MARK: - Time

    mutating func run(for duration: Duration, check: (RolloutSimulation) -> Void = { _ in }) {
        let end = now.advanced(by: duration)
        while now < end {
            now = now.advanced(by: Self.step)
            for index in hosts.indices where hosts[index].isAlive {
                live(index)
                decide(index)
            }
            for _ in hosts { exchange() }
            check(self)
        }
    }

    /// Runs until `isSo`, for ten virtual minutes at most.
    mutating func run(until isSo: (RolloutSimulation) -> Bool, check: (RolloutSimulation) -> Void = { _ in }) -> Bool {
        let end = now.advanced(by: .seconds(600))
        while now < end {
            if isSo(self) { return true }
            run(for: Self.step, check: check)
        }
        return false
    }

    mutating func reach(
        _ comment: Comment, _ location: SourceLocation = #_sourceLocation, _ isSo: (RolloutSimulation) -> Bool
    ) {
        let isReached = run(until: isSo)
        #expect(isReached, comment, sourceLocation: location)
    }

    /// Its processes go on.
    private mutating func live(_ index: Int) {
        for position in hosts[index].workers.indices {
            var worker = hosts[index].workers[position]
            guard worker.local.state == .starting || worker.local.state == .backoff, now >= worker.due else { continue }
            if badRevisions.contains(worker.local.spec.revision) {
                worker.local.state = .backoff
                worker.local.restarts += 1
                worker.local.isGivenUp = worker.local.restarts > 3
                worker.due = now.advanced(by: .milliseconds(400))
            } else {
                worker.local.state = .ready
            }
            hosts[index].workers[position] = worker
        }
        hosts[index].workers.removeAll { $0.local.state == .draining && now >= $0.due }
    }

    /// What the agent does.
    private mutating func decide(_ index: Int) {
        let alive = alive
        let placement = hosts[index].state.placement(alive: alive)
        guard let deployment = hosts[index].state.deployments[Self.name],
            let rollout = Rollout(deployment, in: placement, state: hosts[index].state)
        else { return publish(index) }
        judge(index, rollout)
        if let verdict = rollout.verdict {
            if case .failed = verdict, firstFailure == nil { firstFailure = now }
            let name = hosts[index].name
            _ = hosts[index].state.conclude(Self.name, verdict, of: deployment.timestamp, by: name, at: wall)
        }
        var desired: [WorkerSlot: WorkerSpec] = [:]
        var exclusive: Set<WorkerSlot> = []
        for slot in (placement.workers[hosts[index].name] ?? [:]).keys {
            let present = hosts[index].workers.map(\.local).filter { $0.slot == slot && $0.state != .draining }
            guard let assignment = rollout.assignment(of: slot, present: present) else { continue }
            desired[slot] = assignment.spec
            if assignment.isExclusive { exclusive.insert(slot) }
        }
        if strangers.contains(index) {
            hosts[index].misfits.formUnion(badForStrangers.intersection(desired.values.map(\.revision)))
        }
        let reconciler = Reconciler(
            desired: desired, workers: hosts[index].workers.map(\.local), bundles: [.of("a"), .of("b"), .of("c")],
            misfits: hosts[index].misfits, retained: [.of("a"), .of("b"), .of("c")], exclusive: exclusive)
        for action in reconciler.actions() { carryOut(action, index) }
        publish(index, desired.filter { hosts[index].misfits.contains($0.value.revision) })
    }

    private mutating func judge(_ index: Int, _ rollout: Rollout) {
        for position in hosts[index].workers.indices {
            var worker = hosts[index].workers[position]
            worker.gate.handle(worker.local, limits: rollout.limits(of: worker.local.slot), at: now)
            worker.local.isAvailable = worker.gate.verdict == .available
            hosts[index].workers[position] = worker
        }
    }

    private mutating func carryOut(_ action: Reconciler.Action, _ index: Int) {
        switch action {
        case .startWorker(let slot, let spec):
            hosts[index].lastID += 1
            let due = now.advanced(by: .milliseconds(Int64.random(in: 50...1500, using: &generator)))
            let local = LocalWorker(
                id: hosts[index].lastID, slot: slot, spec: spec, state: .starting, isAvailable: false)
            hosts[index].workers.append(Worker(local: local, gate: HealthGate(at: now), due: due))
        case .stopWorker(let id):
            guard let position = hosts[index].workers.firstIndex(where: { $0.local.id == id }) else { return }
            hosts[index].workers[position].local.state = .draining
            hosts[index].workers[position].due = now.advanced(by: .milliseconds(200))
        case .fetchBundle, .removeBundle: Issue.record("unexpected \(action)")
        }
    }

    private mutating func publish(_ index: Int, _ misfits: [WorkerSlot: WorkerSpec] = [:]) {
        var entry = record(hosts[index].name)
        entry.bundles = [.of("a"), .of("b"), .of("c")]
        entry.workers = hosts[index].workers.map { worker in
            WorkerRecord(
                application: worker.local.slot.application, index: worker.local.slot.index,
                revision: worker.local.spec.revision, address: "10.0.0.1", port: 1, state: worker.local.state,
                fingerprint: worker.local.spec.fingerprint, gate: worker.gate.verdict)
        }
        entry.misfits = hosts[index].misfits.isEmpty ? nil : hosts[index].misfits.sorted()
        entry.workers += misfits.map { slot, spec in
            WorkerRecord(
                application: slot.application, index: slot.index, revision: spec.revision, address: "10.0.0.1", port: 0,
                state: .failed, message: "another machine", fingerprint: spec.fingerprint, gate: .available)
        }
        _ = hosts[index].state.publish(entry, epoch: day.milliseconds)
    }

    private mutating func exchange() {
        let (a, b) = (randomHost(), randomHost())
        guard a != b, hosts[a].isAlive, hosts[b].isAlive, Double.random(in: 0..<1, using: &generator) >= loss else {
            return
        }
        hosts[a].take(hosts[b].state.delta(for: hosts[a].state.digest), at: wall)
        hosts[b].take(hosts[a].state.delta(for: hosts[b].state.digest), at: wall)
    }

    // MARK: - The truth

    /// The workers of each place that is wanted now, dead or alive.
    var slots: [WorkerSlot: [LocalWorker]] {
        let state = hosts.first(where: \.isAlive)!.state
        var slots: [WorkerSlot: [LocalWorker]] = [:]
        for placed in state.placement(alive: alive).workers.values { for slot in placed.keys { slots[slot] = [] } }
        for host in hosts where host.isAlive {
            for worker in host.workers where slots[worker.local.slot] != nil {
                slots[worker.local.slot, default: []].append(worker.local)
            }
        }
        return slots
    }

    /// Slots without a worker that serves.
    var unserved: Int { slots.values.count { !$0.contains { $0.state == .ready } } }
    /// Slots with two workers that are not on their way out.
    var doubled: Int { slots.values.count { $0.count { $0.state != .draining } > 1 } }

    func allRun(_ digit: Character) -> Bool {
        !slots.isEmpty
            && slots.values.allSatisfy { $0.count == 1 && $0[0].state == .ready && $0[0].spec.revision == .of(digit) }
    }

    /// On the hosts for which there is a program.
    func allFittingRun(_ digit: Character) -> Bool {
        let misfits = Set(strangers.map { hosts[$0].name })
        let fitting = slots.filter { !misfits.contains($0.key.host) }
        return !fitting.isEmpty
            && fitting.values.allSatisfy { $0.count == 1 && $0[0].state == .ready && $0[0].spec.revision == .of(digit) }
    }

    func agree(_ isSo: (Deployment) -> Bool) -> Bool {
        hosts.filter(\.isAlive).allSatisfy { $0.state.deployments[Self.name].map(isSo) ?? false }
    }

    var areComplete: Bool { agree(\.progress.isComplete) }
}
