import IgropyrOrchestration
import Testing

private let slot = WorkerSlot(application: "x", host: "me", index: 0)
private let slot1 = WorkerSlot(application: "x", host: "me", index: 1)
private let other = WorkerSlot(application: "y", host: "me", index: 0)
private let old = spec("a").worker
private let new = spec("b").worker

private func has(
    _ id: Int, _ spec: WorkerSpec, _ state: WorkerRecord.State, in slot: WorkerSlot = slot, isAvailable: Bool = true,
    isStartingAnew: Bool = false
) -> LocalWorker {
    LocalWorker(
        id: id, slot: slot, spec: spec, state: state, isAvailable: isAvailable, isStartingAnew: isStartingAnew)
}

private struct Row: Sendable, CustomTestStringConvertible {
    var rule: String
    var desired: [WorkerSlot: WorkerSpec] = [:]
    var workers: [LocalWorker] = []
    var bundles: Set<BundleDigest> = [.of("a"), .of("b")]
    var fetching: Set<BundleDigest> = []
    var misfits: Set<BundleDigest> = []
    var retained: Set<BundleDigest> = [.of("a"), .of("b")]
    var exclusive: Set<WorkerSlot> = []
    var startLimit = Int.max
    var expected: [Reconciler.Action]

    var testDescription: String { rule }
}

private let rows: [Row] = [
    Row(rule: "nothing wanted, nothing there", expected: []),
    Row(rule: "a wanted worker starts", desired: [slot: old], expected: [.startWorker(slot, old)]),
    Row(
        rule: "all new slots start at once", desired: [slot: old, slot1: old, other: new],
        expected: [.startWorker(slot, old), .startWorker(slot1, old), .startWorker(other, new)]),
    Row(
        rule: "a missing bundle is fetched first", desired: [slot: old, slot1: old], bundles: [],
        expected: [.fetchBundle(.of("a"))]),
    Row(
        rule: "a bundle on its way is not fetched again", desired: [slot: old], bundles: [], fetching: [.of("a")],
        expected: []),
    Row(
        rule: "what holds nothing for this host is neither fetched nor started, and takes no one's place",
        desired: [slot: new, slot1: new], workers: [has(1, old, .ready)], bundles: [.of("a")], misfits: [.of("b")],
        expected: []),
    Row(
        rule: "what such a thing cannot replace stays, also while it waits for its restart", desired: [slot: new],
        workers: [has(1, old, .backoff)], bundles: [.of("a")], misfits: [.of("b")], expected: []),
    Row(rule: "what runs as wanted is left alone", desired: [slot: old], workers: [has(1, old, .ready)], expected: []),
    Row(rule: "so is what starts", desired: [slot: old], workers: [has(1, old, .starting)], expected: []),
    Row(
        rule: "supervision restarts it, not reconciliation", desired: [slot: old], workers: [has(1, old, .backoff)],
        expected: []),
    Row(
        rule: "what failed for good is not started again", desired: [slot: old], workers: [has(1, old, .failed)],
        expected: []),
    Row(
        rule: "what is not wanted stops", workers: [has(2, old, .ready), has(1, old, .backoff, in: slot1)],
        expected: [.stopWorker(id: 1), .stopWorker(id: 2)]),
    Row(rule: "what drains is not stopped again", workers: [has(1, old, .draining)], expected: []),
    Row(
        rule: "a slot whose worker drains is filled", desired: [slot: old], workers: [has(1, old, .draining)],
        expected: [.startWorker(slot, old)]),
    Row(
        rule: "the successor starts beside its predecessor", desired: [slot: new], workers: [has(1, old, .ready)],
        expected: [.startWorker(slot, new)]),
    Row(
        rule: "the predecessor serves until its successor is ready", desired: [slot: new],
        workers: [has(1, old, .ready), has(2, new, .starting)], expected: []),
    Row(
        rule: "also while the successor dies again and again", desired: [slot: new],
        workers: [has(1, old, .ready), has(2, new, .backoff)], expected: []),
    Row(
        rule: "then it drains", desired: [slot: new], workers: [has(1, old, .ready), has(2, new, .ready)],
        expected: [.stopWorker(id: 1)]),
    Row(
        rule: "a predecessor that does not serve is replaced at once", desired: [slot: new],
        workers: [has(1, old, .backoff)], expected: [.stopWorker(id: 1), .startWorker(slot, new)]),
    Row(
        rule: "and not before it was found good", desired: [slot: new],
        workers: [has(1, old, .ready), has(2, new, .ready, isAvailable: false)], expected: []),
    Row(
        rule: "in an exclusive slot the predecessor drains first", desired: [slot: new],
        workers: [has(1, old, .ready)], exclusive: [slot], expected: [.stopWorker(id: 1)]),
    Row(
        rule: "and is gone before the successor starts", desired: [slot: new],
        workers: [has(1, old, .draining)], exclusive: [slot], expected: []),
    Row(
        rule: "it stays while the bundle of its successor is missing", desired: [slot: new],
        workers: [has(1, old, .ready)], bundles: [.of("a")], exclusive: [slot], expected: [.fetchBundle(.of("b"))]),
    Row(
        rule: "no more start at a time than may", desired: [slot: old, slot1: old, other: new], startLimit: 2,
        expected: [.startWorker(slot, old), .startWorker(slot1, old)]),
    Row(
        rule: "those that start already count, those that are slow do not",
        desired: [slot: old, slot1: old, other: new],
        workers: [has(1, old, .starting, isStartingAnew: true), has(2, old, .starting, in: slot1)], startLimit: 1,
        expected: []),
    Row(
        rule: "a change taken back ends the successor", desired: [slot: old],
        workers: [has(1, old, .ready), has(2, new, .starting)], expected: [.stopWorker(id: 2)]),
    Row(
        rule: "a third revision replaces a second that is not ready", desired: [slot: spec("c").worker],
        workers: [has(1, old, .ready), has(2, new, .starting)], bundles: [.of("a"), .of("b"), .of("c")],
        expected: [.stopWorker(id: 2), .startWorker(slot, spec("c").worker)]),
    Row(
        rule: "of two equal workers the ready one stays", desired: [slot: old],
        workers: [has(1, old, .starting), has(2, old, .ready)], expected: [.stopWorker(id: 1)]),
    Row(rule: "a bundle that nobody needs goes", retained: [.of("a")], expected: [.removeBundle(.of("b"))]),
    Row(
        rule: "a bundle stays while a worker of it drains", workers: [has(1, new, .draining)], retained: [],
        expected: [.removeBundle(.of("a"))]),
    Row(
        rule: "a bundle stays while it is wanted", desired: [slot: new], workers: [has(1, new, .ready)],
        bundles: [.of("b")], retained: [], expected: []),
]

@Test(arguments: rows) private func `a host gets from what it has to what it should have`(row: Row) {
    let reconciler = Reconciler(
        desired: row.desired, workers: row.workers, bundles: row.bundles, fetching: row.fetching, misfits: row.misfits,
        retained: row.retained, exclusive: row.exclusive, startLimit: row.startLimit)
    #expect(reconciler.actions() == row.expected)
}

@Test func `other arguments replace a worker, another scale does not`() {
    var changed = spec("a", scale: .perHost(7))
    #expect(changed.worker == old)
    changed.arguments = ["--verbose"]
    let reconciler = Reconciler(
        desired: [slot: changed.worker], workers: [has(1, old, .ready)], bundles: [.of("a")], retained: [])
    #expect(reconciler.actions() == [.startWorker(slot, changed.worker)])
}

/// The driver in little: carries out orders, and what starts becomes ready in the next turn.
@Test func `a change of revision ends with all slots replaced, each served throughout`() {
    let slots = (0..<4).map { WorkerSlot(application: "x", host: "me", index: $0) }
    var workers = slots.enumerated().map { has($0, old, .ready, in: $1) }
    let desired = Dictionary(uniqueKeysWithValues: slots.map { ($0, new) })
    var turns = 0
    while turns < 20 {
        let actions = Reconciler(desired: desired, workers: workers, bundles: [.of("b")], retained: [.of("b")])
            .actions()
        if actions.isEmpty, workers.allSatisfy({ $0.state == .ready }) { break }
        for index in workers.indices where workers[index].state == .starting { workers[index].state = .ready }
        for action in actions {
            switch action {
            case .startWorker(let slot, let spec): workers.append(has(100 + turns, spec, .starting, in: slot))
            case .stopWorker(let id): workers.removeAll { $0.id == id }
            case .fetchBundle, .removeBundle: Issue.record("unexpected \(action)")
            }
        }
        #expect(slots.allSatisfy { slot in workers.contains { $0.slot == slot && $0.state == .ready } })
        turns += 1
    }
    #expect(workers.count == 4 && workers.allSatisfy { $0.spec == new })
}
