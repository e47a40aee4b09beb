internal import IgropyrOrchestration
internal import IgropyrTime

/// A worker with its process, as the simulator sees it.
struct SimulatedWorker {
    enum Event {
        case ready
        case exit(WorkerExit)
    }

    let id: Int
    let slot: WorkerSlot
    let spec: WorkerSpec
    var supervision: Supervision
    var isUnwanted = false
    /// What its process does next, and when.
    private(set) var next: (event: Event, at: Timestamp)?

    init(id: Int, _ slot: WorkerSlot, _ spec: WorkerSpec) {
        (self.id, self.slot, self.spec) = (id, slot, spec)
        supervision = Supervision(
            policy: spec.restart, startTimeout: spec.startTimeout, stopTimeout: spec.stopTimeout,
            watchdog: spec.watchdog)
    }

    /// - Returns: Whether anything happened.
    mutating func live(until now: Timestamp, life: Duration?, _ random: inout SplitMix64) -> Bool {
        var hasChanged = false
        while let (event, time) = next, time <= now {
            next = nil
            hasChanged = true
            happen(event, at: now, life, &random)
        }
        while let deadline = supervision.deadline, deadline <= now {
            hasChanged = true
            carryOut(supervision.handleTimeout(at: now), at: now, &random)
        }
        return hasChanged
    }

    private mutating func happen(_ event: Event, at now: Timestamp, _ life: Duration?, _ random: inout SplitMix64) {
        switch event {
        case .ready:
            supervision.handleReady(at: now)
            if let wait = lifetime(life, &random) { next = (.exit(.signal(11)), now.advanced(by: wait)) }
        case .exit(let exit):
            let jitter = Double.random(in: 0..<1, using: &random)
            carryOut(supervision.handleExit(exit, at: now, jitter: jitter), at: now, &random)
        }
    }

    private func lifetime(_ mean: Duration?, _ random: inout SplitMix64) -> Duration? {
        if spec.revision.character == .crashes { return random.duration(in: .milliseconds(50)...(.milliseconds(800))) }
        return mean.map { random.duration(in: .zero...$0 * 2) }
    }

    mutating func carryOut(_ action: Supervision.Action?, at now: Timestamp, _ random: inout SplitMix64) {
        func wait(_ milliseconds: ClosedRange<Int64>) -> Timestamp {
            now.advanced(by: .milliseconds(Int64.random(in: milliseconds, using: &random)))
        }
        switch action {
        case nil: break
        case .start:
            let exits = spec.revision.character == .exits
            next = exits ? (.exit(.code(1)), wait(20...300)) : (.ready, wait(20...1500))
        case .terminate: next = (.exit(.code(0)), wait(10...1000))
        case .abort, .kill: next = (.exit(.signal(9)), wait(1...20))
        }
    }

    func local(at now: Timestamp) -> LocalWorker {
        LocalWorker(
            id: id, slot: slot, spec: spec, state: supervision.recordState, restarts: supervision.restarts,
            isGivenUp: supervision.isGivenUp, isAvailable: false, isStartingAnew: supervision.isStartingAnew(at: now))
    }

    func record(_ gate: HealthGate.Verdict?) -> WorkerRecord {
        WorkerRecord(
            application: slot.application, index: slot.index, revision: spec.revision, address: "10.0.0.1",
            port: UInt16(1 + id % 60_000), state: supervision.recordState, pid: supervision.hasProcess ? Int32(id) : 0,
            restarts: supervision.restarts, fingerprint: spec.fingerprint, gate: gate ?? .pending,
            isLooping: supervision.isLooping ? true : nil)
    }
}
