import IgropyrHashing
import IgropyrTime

/// An application as one loop knows it: its workers in the last snapshot, and the requests that wait for one.
final class Application {
    let upstreams: Upstreams
    /// Parallel to the members of the table.
    let workers: [WorkerState]
    var settings: ApplicationSettings { upstreams.settings.values }
    let traffic: ApplicationTraffic
    /// More workers answer badly than may be left alone: then the fault is rather the observer's, and all are used.
    private(set) var isPanicking = false
    /// Some worker is not well, or was not a moment ago: else nobody is asked.
    private(set) var hasTrouble = false
    /// Parallel to the workers: how much of its share each has, from 1 to ``SlowStart/steps``. Nil if all have all of
    /// it.
    private var steps: [UInt16]?
    /// Likewise: in proportion to these they have requests; by ``steps`` and what the snapshot says.
    private(set) var weights: [UInt16] { didSet { weightEnds = Self.ends(of: weights) } }
    /// Likewise: the sums of the weights up to each; nil if all are equal.
    private(set) var weightEnds: [Int]?
    /// When a step changes.
    private var nextStep = Timestamp.distantFuture

    init(_ upstreams: Upstreams, _ workers: [WorkerState], traffic: ApplicationTraffic, at now: Timestamp) {
        self.upstreams = upstreams
        self.workers = workers
        self.traffic = traffic
        weights = upstreams.weights
        weightEnds = Self.ends(of: weights)
        healthDidChange(at: now)
    }

    /// A worker's trouble came or went.
    func healthDidChange(at now: Timestamp) {
        let troubles = workers.compactMap(\.health.trouble)
        updateSteps(at: now)
        hasTrouble = !troubles.isEmpty || steps != nil
        let failing = troubles.count { $0 == .fails }
        isPanicking = Double(workers.count - failing) < settings.panicThreshold * Double(workers.count)
    }

    private static func ends(of weights: [UInt16]) -> [Int]? {
        guard !weights.allSatisfy({ $0 == weights.first }) else { return nil }
        return weights.reduce(into: []) { $0.append(($0.last ?? 0) + Int($1)) }
    }

    private func updateSteps(at now: Timestamp) {
        let duration = settings.slowStart
        let steps = workers.map { worker in
            guard worker.health.trouble == nil, let since = worker.health.returnedAt else { return SlowStart.steps }
            return SlowStart.step(since: since, of: duration, at: now)
        }
        // Where all come back together, nobody else has what is theirs.
        let isSomebodySettled = zip(workers, steps).contains { $0.health.trouble == nil && $1 == SlowStart.steps }
        let areAllSettled = steps.allSatisfy { $0 == SlowStart.steps }
        guard isSomebodySettled, !areAllSettled else {
            (self.steps, weights, nextStep) = (nil, upstreams.weights, .distantFuture)
            return
        }
        self.steps = steps
        weights = zip(upstreams.weights, steps).map { $0 * $1 }
        let changes = workers.compactMap { worker in
            worker.health.returnedAt.flatMap { SlowStart.nextStep(since: $0, of: duration, at: now) }
        }
        nextStep = changes.min() ?? .distantFuture
    }

    /// Whether a worker that is well has this key at its step: each takes keys from others to it, and none back.
    func hasShare(_ position: Int, inKeyOf hash: UInt64) -> Bool {
        guard let steps else { return true }
        return Rendezvous.draw(key: hash, member: UInt64(position)) % UInt64(SlowStart.steps) < UInt64(steps[position])
    }

    /// Before a worker is chosen, while there is trouble.
    func noteTime(_ now: Timestamp) {
        if now >= nextStep { healthDidChange(at: now) }
    }
}

/// What is under way of an application on one loop, whatever the snapshots.
final class ApplicationTraffic {
    /// Requests that workers have; those of workers that left since are among them.
    private(set) var inFlight = 0
    /// Requests for which there is no worker, or none with room.
    @safe @exclusivity(unchecked)  // Used for each request, where that check shows in the profile.
    var waiting = WaitingLine()

    func enter(_ worker: WorkerState) {
        inFlight += 1
        worker.inFlight += 1
    }

    func leave(_ worker: WorkerState) {
        inFlight -= 1
        worker.inFlight -= 1
    }
}
