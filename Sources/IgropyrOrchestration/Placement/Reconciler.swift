/// A worker that this host has, from the order to start it until its process is gone or it was given up.
public struct LocalWorker: Hashable, Sendable {
    /// Given by the driver, growing: of two workers in one slot the later has the greater.
    public var id: Int
    public var slot: WorkerSlot
    public var spec: WorkerSpec
    public var state: WorkerRecord.State

    public init(id: Int, slot: WorkerSlot, spec: WorkerSpec, state: WorkerRecord.State) {
        self.id = id
        self.slot = slot
        self.spec = spec
        self.state = state
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
    /// Bundles to keep although nothing here runs them: what any deployment references, and those stored within the last
    /// ten minutes, whose deployment may still be on its way.
    public var retained: Set<BundleDigest>

    public init(
        desired: [WorkerSlot: WorkerSpec], workers: [LocalWorker], bundles: Set<BundleDigest>,
        fetching: Set<BundleDigest> = [], retained: Set<BundleDigest> = []
    ) {
        self.desired = desired
        self.workers = workers
        self.bundles = bundles
        self.fetching = fetching
        self.retained = retained
    }

    /// In the order to carry them out: stops, starts, fetches, removals; each in the order of slots, ids or digests.
    ///
    /// A changed worker is replaced without a gap: its successor starts beside it, and when that is ready it drains. One
    /// slot of an application at a time; a successor that does not become ready thus holds up the rest.
    public func actions() -> [Action] {
        let slots = Dictionary(grouping: workers.filter { $0.state != .draining }, by: \.slot)
        var stops: [Int] = []
        var starts: [Action] = []
        var missing: Set<BundleDigest> = []
        var replacing: Set<ApplicationName> = []
        for (slot, present) in slots where desired[slot] == nil { stops += present.map(\.id) }
        for (slot, spec) in desired {
            let present = slots[slot] ?? []
            stops += Self.superfluous(present, wanting: spec)
            if Self.isBeingReplaced(present, by: spec) { replacing.insert(slot.application) }
        }
        for slot in desired.keys.sorted() {
            guard let spec = desired[slot], !(slots[slot] ?? []).contains(where: { $0.spec == spec }) else { continue }
            guard bundles.contains(spec.revision) else {
                missing.insert(spec.revision)
                continue
            }
            let servesOld = (slots[slot] ?? []).contains { $0.state == .ready }
            if servesOld, !replacing.insert(slot.application).inserted { continue }
            starts.append(.startWorker(slot, spec))
        }
        return stops.sorted().map(Action.stopWorker) + starts
            + missing.subtracting(fetching).sorted().map(Action.fetchBundle) + unneededBundles.map(Action.removeBundle)
    }

    private var unneededBundles: [BundleDigest] {
        let needed = retained.union(desired.values.map(\.revision)).union(workers.map(\.spec.revision))
        return bundles.subtracting(needed).sorted()
    }

    /// Of several workers as wanted one stays; of others one that serves stays until its successor is ready.
    private static func superfluous(_ present: [LocalWorker], wanting spec: WorkerSpec) -> [Int] {
        let current = present.filter { $0.spec == spec }.sorted(by: precedes)
        let old = present.filter { $0.spec != spec }.sorted(by: precedes)
        let kept = [current.first, current.first?.state == .ready ? nil : old.first { $0.state == .ready }]
            .compactMap { $0?.id }
        return present.map(\.id).filter { !kept.contains($0) }
    }

    private static func isBeingReplaced(_ present: [LocalWorker], by spec: WorkerSpec) -> Bool {
        present.contains { $0.spec != spec && $0.state == .ready }
            && present.contains { $0.spec == spec && $0.state != .ready }
    }

    /// Ready ones first, then the older.
    private static func precedes(_ left: LocalWorker, _ right: LocalWorker) -> Bool {
        (left.state == .ready ? 0 : 1, left.id) < (right.state == .ready ? 0 : 1, right.id)
    }
}
