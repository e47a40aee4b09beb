/// A worker that this host has, from the order to start it until its process is gone or it was given up.
public struct LocalWorker: Hashable, Sendable {
    /// Given by the driver, growing: of two workers in one slot the later has the greater.
    public var id: Int
    public var slot: WorkerSlot
    public var spec: WorkerSpec
    public var state: WorkerRecord.State
    /// Since it is there.
    public var restarts: Int
    /// Supervision has ended it, or put it into quarantine.
    public var isGivenUp: Bool
    /// Whether its ``HealthGate`` has found it good.
    public var isAvailable: Bool
    /// It is starting, and not for long: see ``Reconciler/startLimit``.
    public var isStartingAnew: Bool

    public init(
        id: Int, slot: WorkerSlot, spec: WorkerSpec, state: WorkerRecord.State, restarts: Int = 0,
        isGivenUp: Bool = false, isAvailable: Bool = true, isStartingAnew: Bool = false
    ) {
        self.id = id
        self.slot = slot
        self.spec = spec
        self.state = state
        self.restarts = restarts
        self.isGivenUp = isGivenUp
        self.isAvailable = isAvailable
        self.isStartingAnew = isStartingAnew
    }
}

/// What this host should do to get from what it has to what it should have: a pure function, computed anew after each
/// change. Orders repeat until what they ask for shows in the input, so the driver enters a worker it starts at once.
public struct Reconciler: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        case fetchBundle(BundleDigest)
        case startWorker(WorkerSlot, WorkerSpec)
        /// Let it drain, then end it. For one that waits to be restarted: give it up.
        case stopWorker(id: Int)
        case removeBundle(BundleDigest)
    }

    /// This host's part of the ``Placement``.
    public var desired: [WorkerSlot: WorkerSpec]
    public var workers: [LocalWorker]
    /// Those stored whole.
    public var bundles: Set<BundleDigest>
    /// Those on their way.
    public var fetching: Set<BundleDigest>
    /// Those that hold nothing which this host could run: neither fetched nor started.
    public var misfits: Set<BundleDigest>
    /// Bundles to keep although nothing here runs them; see `BundleRetention`.
    public var retained: Set<BundleDigest>
    /// Slots whose old worker must end before the new one starts.
    public var exclusive: Set<WorkerSlot>
    /// Workers that may be starting at a time, so that a host that gets many at once is not overwhelmed. One that is
    /// slow no longer counts.
    public var startLimit: Int

    public init(
        desired: [WorkerSlot: WorkerSpec], workers: [LocalWorker], bundles: Set<BundleDigest>,
        fetching: Set<BundleDigest> = [], misfits: Set<BundleDigest> = [], retained: Set<BundleDigest> = [],
        exclusive: Set<WorkerSlot> = [], startLimit: Int = .max
    ) {
        self.desired = desired
        self.workers = workers
        self.bundles = bundles
        self.fetching = fetching
        self.misfits = misfits
        self.retained = retained
        self.exclusive = exclusive
        self.startLimit = startLimit
    }

    /// In the order to carry them out: stops, starts, fetches, removals; each in the order of slots, ids or digests.
    ///
    /// A changed worker is replaced without a gap: its successor starts beside it, and when that is found good it
    /// drains; in an exclusive slot it drains first. Which slots are replaced when, ``Rollout`` decides.
    public func actions() -> [Action] {
        let slots = Dictionary(grouping: workers.filter { $0.state != .draining }, by: \.slot)
        var stops = slots.filter { desired[$0.key] == nil }.values.flatMap { $0.map(\.id) }
        var starts: [Action] = []
        var missing: Set<BundleDigest> = []
        var room = max(0, startLimit - workers.count(where: \.isStartingAnew))
        for slot in desired.keys.sorted() {
            let present = slots[slot] ?? []
            guard let spec = wanted(in: slot, present) else { continue }
            stops += Self.superfluous(present, wanting: spec)
            guard !present.contains(where: { $0.spec == spec }) else { continue }
            guard bundles.contains(spec.revision) else {
                missing.insert(spec.revision)
                continue
            }
            guard !exclusive.contains(slot) || !workers.contains(where: { $0.slot == slot }) else {
                stops += present.filter { $0.state == .ready }.map(\.id)
                continue
            }
            guard room > 0 else { continue }
            room -= 1
            starts.append(.startWorker(slot, spec))
        }
        return stops.sorted().map(Action.stopWorker) + starts
            + missing.subtracting(fetching).sorted().map(Action.fetchBundle) + unneededBundles.map(Action.removeBundle)
    }

    /// Where nothing of it can run here, what runs, if anything, is what stays.
    private func wanted(in slot: WorkerSlot, _ present: [LocalWorker]) -> WorkerSpec? {
        guard let spec = desired[slot], misfits.contains(spec.revision) else { return desired[slot] }
        return present.min(by: Self.precedes)?.spec
    }

    private var unneededBundles: [BundleDigest] {
        let needed = retained.union(desired.values.map(\.revision)).union(workers.map(\.spec.revision))
        return bundles.subtracting(needed).sorted()
    }

    /// Of several workers as wanted one stays; of others one that serves stays until its successor is found good.
    private static func superfluous(_ present: [LocalWorker], wanting spec: WorkerSpec) -> [Int] {
        let current = present.filter { $0.spec == spec }.sorted(by: precedes)
        let old = present.filter { $0.spec != spec }.sorted(by: precedes)
        let isReplaced = current.first.map { $0.state == .ready && $0.isAvailable } ?? false
        let kept = [current.first, isReplaced ? nil : old.first { $0.state == .ready }].compactMap { $0?.id }
        return present.map(\.id).filter { !kept.contains($0) }
    }

    /// Ready ones first, then the older.
    private static func precedes(_ left: LocalWorker, _ right: LocalWorker) -> Bool {
        (left.state == .ready ? 0 : 1, left.id) < (right.state == .ready ? 0 : 1, right.id)
    }
}
