internal import IgropyrHashing

/// Which slots of an application may be replaced now, and what came of it: worked out by each host for itself.
///
/// All hosts put the slots into one order, a shuffle that the new revision seeds, and deal them out to as many lanes as
/// slots may be under replacement. A slot's turn comes when all before it in its lane are done, as their hosts' records
/// tell. A record can be late, but what it says of a slot that is done stays true; so as long as the placement is the
/// same, no more slots are under replacement than the policy allows, whatever is delayed or lost, and no host leads.
/// When hosts come or go in the middle, the lanes are dealt anew; then a look at what is seen to be under replacement
/// keeps the excess to what began before the news had spread.
public struct Rollout: Sendable {
    public enum Turn: Hashable, Sendable {
        case notYet
        /// The new worker starts beside the old one.
        case beside
        /// The old worker ends first.
        case instead
    }

    public enum Verdict: Hashable, Sendable {
        case complete
        /// A new worker failed; why, for people.
        case failed(String)
    }

    /// What the records tell about a slot.
    fileprivate struct Sight {
        /// A worker of another spec.
        var hasOld = false
        var servesOld = false
        var hasNew = false
        var isDone = false
        /// The host has no program of the new revision: nothing changes there, and nobody waits for it.
        var isMisfit = false
        var serves = false
        var failure: String?
    }

    /// All slots, in the order in which their turn comes.
    public let order: [WorkerSlot]
    private let ranks: [WorkerSlot: Int]
    private let sights: [Sight]
    private let deployment: Deployment
    private let policy: UpdatePolicy
    private let window: (surge: Int, unavailable: Int)
    /// How many slots go first.
    private let canaries: Int

    /// nil for a removed application.
    public init?(_ deployment: Deployment, in placement: Placement, state: ReplicatedState) {
        guard let spec = deployment.spec else { return nil }
        let target = spec.worker.fingerprint
        let seed = XXH64.hash(target)
        order = placement.workers.values.flatMap { $0.keys.filter { $0.application == deployment.name } }
            .map { (draw: XXH64.hash($0.id, seed: seed), slot: $0) }
            .sorted { ($0.draw, $0.slot) < ($1.draw, $1.slot) }.map(\.slot)
        ranks = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
        sights = Self.sights(of: order, spec.revision, target, in: state)
        self.deployment = deployment
        policy = spec.updatePolicy
        window = policy.window(of: order.count)
        canaries = deployment.hasCanaries ? Self.canaries(policy.canary, sights) : 0
    }

    /// So many slots in which something can be tried, and what stands between them.
    private static func canaries(_ wanted: Int, _ sights: [Sight]) -> Int {
        let fitting = sights.indices.filter { !sights[$0].isMisfit }
        return wanted > fitting.count ? sights.count : wanted == 0 ? 0 : fitting[wanted - 1] + 1
    }

    private static func sights(
        of order: [WorkerSlot], _ revision: BundleDigest, _ target: String, in state: ReplicatedState
    ) -> [Sight] {
        var workers: [WorkerSlot: [WorkerRecord]] = [:]
        for host in Set(order.map(\.host)) {
            for worker in state.hosts[host]?.workers ?? [] {
                workers[worker.slot(on: host), default: []].append(worker)
            }
        }
        return order.map { slot in
            let host = state.hosts[slot.host]
            if host?.hasNothing(of: revision) == true { return Sight(isDone: true, isMisfit: true) }
            // A host that does not get the bundle must not hold up the others for nothing.
            guard let present = workers[slot] else {
                return Sight(isDone: host.map { !$0.bundles.contains(revision) } ?? false)
            }
            return present.reduce(into: Sight()) { $0.add($1, target) }
        }
    }

    /// Of the deployment that is judged.
    public var timestamp: HybridTimestamp { deployment.timestamp }
    public var slotCount: Int { order.count }
    public var doneCount: Int { sights.count(where: \.isDone) }

    /// Whether the canaries were found good, and the others may follow; also without any.
    public var hasPassedCanaries: Bool {
        canaries == 0
            || sights[..<canaries].allSatisfy(\.isDone) && policy.canaryHoldMilliseconds != nil
    }

    /// Whether all canaries are good and an operator is waited for.
    public var awaitsPromotion: Bool {
        canaries > 0 && policy.canaryHoldMilliseconds == nil && failure == nil
            && sights[..<canaries].allSatisfy(\.isDone)
    }

    // MARK: - Turns

    public func turn(of slot: WorkerSlot) -> Turn {
        guard let rank = ranks[slot], !deployment.progress.isPaused, rank < canaries || hasPassedCanaries else {
            return .notYet
        }
        let width = window.surge + window.unavailable
        let lane = rank % width
        guard stride(from: lane, to: rank, by: width).allSatisfy({ sights[$0].isDone }) else { return .notYet }
        if lane < window.surge {
            return count(but: rank) { $0.hasNew && $0.servesOld } < window.surge ? .beside : .notYet
        }
        return count(but: rank) { ($0.hasNew || $0.hasOld) && !$0.serves } < window.unavailable ? .instead : .notYet
    }

    private func count(but rank: Int, _ matches: (Sight) -> Bool) -> Int {
        sights.indices.count { $0 != rank && matches(sights[$0]) }
    }

    /// What this host's slot should run now, and whether the old worker must end before one with that spec starts.
    /// `present` are the slot's workers that do not drain.
    public func assignment(
        of slot: WorkerSlot, present: [LocalWorker]
    ) -> (spec: WorkerSpec, isExclusive: Bool)? {
        guard let target = deployment.spec?.worker else { return nil }
        if present.contains(where: { $0.spec == target }) { return (target, false) }
        let serving = present.first { $0.state == .ready }
        let turn = turn(of: slot)
        if let serving {
            return turn == .notYet ? (serving.spec, false) : (target, turn == .instead)
        }
        if deployment.progress.isComplete || turn != .notYet { return (target, turn == .instead) }
        // Nothing serves here. What is broken has nothing to lose, but must not make canaries of all.
        if let broken = present.last {
            return (hasPassedCanaries && !deployment.progress.isPaused ? target : broken.spec, false)
        }
        return (deployment.lastStanding?.worker ?? target, false)
    }

    /// What a worker with the new spec in that slot has to show.
    public func limits(of slot: WorkerSlot) -> HealthGate.Limits {
        policy.limits(isCanary: ranks[slot].map { $0 < canaries } ?? false)
    }

    // MARK: - Verdict

    /// nil while it goes on, and once it is concluded.
    public var verdict: Verdict? {
        guard !deployment.progress.isComplete, !order.isEmpty else { return nil }
        if let reason = failure, rollsBack { return .failed(reason) }
        return sights.allSatisfy(\.isDone) && sights.contains(where: \.hasNew) ? .complete : nil
    }

    /// Why a new worker was not found good, and whose; nil while none has failed.
    public var failure: String? {
        if let slot = order.first, sights.allSatisfy(\.isMisfit) {
            return "\(slot.application) has no program for the machine of any host that should run it"
        }
        guard let index = sights.firstIndex(where: { $0.failure != nil }) else { return nil }
        let message = sights[index].failure ?? ""
        return "\(order[index]) " + (message.isEmpty ? "was not healthy in time" : "failed: \(message)")
    }

    /// Whether a failure brings an earlier revision back.
    public var rollsBack: Bool {
        guard let previous = deployment.lastStanding, policy.rollsBack, !deployment.progress.isPaused else {
            return false
        }
        return !deployment.isRollback && previous.worker != deployment.spec?.worker
    }
}

extension Rollout.Sight {
    fileprivate mutating func add(_ worker: WorkerRecord, _ target: String) {
        guard worker.state != .draining else { return hasOld = true }
        let isReady = worker.state == .ready
        serves = serves || isReady
        if worker.fingerprint == target {
            hasNew = true
            isDone = isDone || worker.gate == .available
            if worker.gate == .failed { failure = worker.message }
        } else {
            hasOld = true
            servesOld = servesOld || isReady
        }
    }
}

extension Deployment {
    var isRollback: Bool { progress.cause == .rollback || progress.cause == .automaticRollback }

    /// Nothing is to be tried out on a few when it has stood before, nor when nothing has.
    fileprivate var hasCanaries: Bool {
        progress.cause == .deploy && !progress.isPromoted && !progress.isComplete && lastStanding != nil
    }
}
