import IgropyrOrchestration
import IgropyrTime
import Testing

private func revision(
    _ digit: Character, scale: DeploymentSpec.Scale = .perHost(2), _ policy: UpdatePolicy
) -> DeploymentSpec {
    var result = spec(digit, scale: scale)
    result.update = policy
    return result
}

private func policy(
    surge: Int = 0, unavailable: Int = 0, _ edit: (inout UpdatePolicy) -> Void = { _ in }
) -> UpdatePolicy {
    var policy = UpdatePolicy()
    policy.maxSurge = .count(surge)
    policy.maxUnavailable = .count(unavailable)
    edit(&policy)
    return policy
}

struct Window: Sendable {
    var surge = 0
    var unavailable = 0
}

private let windows = [
    Window(surge: 1), Window(surge: 3), Window(unavailable: 1), Window(unavailable: 3),
    Window(surge: 2, unavailable: 2),
]

/// A cluster in which the revision "a" stands.
private func standing(hosts: Int = 6, seed: UInt64, _ policy: UpdatePolicy) -> RolloutSimulation {
    var cluster = RolloutSimulation(hosts: hosts, loss: 0.3, seed: seed)
    cluster.run(for: .seconds(3))
    cluster.deploy(revision("a", policy))
    cluster.reach("seed \(seed)") { $0.areComplete && $0.allRun("a") }
    return cluster
}

@Test(arguments: windows, 0..<3 as Range<UInt64>)
func `all hosts together never exceed the window, and all come to run the new revision`(
    window: Window, seed: UInt64
) {
    let policy = policy(surge: window.surge, unavailable: window.unavailable)
    var cluster = standing(seed: seed, policy)
    cluster.deploy(revision("b", policy))
    let isDone = cluster.run(until: { $0.areComplete && $0.allRun("b") }) { cluster in
        #expect(cluster.doubled <= window.surge, "seed \(seed)")
        #expect(cluster.unserved <= window.unavailable, "seed \(seed)")
    }
    #expect(isDone, "seed \(seed)")
    #expect(cluster.agree { $0.history.map(\.outcome) == [.stood] })
}

@Test(arguments: windows, 0..<3 as Range<UInt64>)
func `a revision that fails is rolled back within two seconds, and no slot was without a worker for it`(
    window: Window, seed: UInt64
) {
    let policy = policy(surge: window.surge, unavailable: window.unavailable)
    var cluster = standing(seed: seed, policy)
    cluster.badRevisions = [.of("b")]
    cluster.deploy(revision("b", policy))
    let isBack = cluster.run(until: { $0.agree { $0.progress.cause == .automaticRollback } }) { cluster in
        #expect(cluster.unserved <= window.unavailable, "seed \(seed)")
    }
    #expect(isBack, "seed \(seed)")
    let failure = cluster.firstFailure ?? .distantFuture
    #expect(failure.duration(to: cluster.now) <= .seconds(2), "seed \(seed): all know it")
    cluster.reach("seed \(seed)") { $0.areComplete && $0.allRun("a") }
    #expect(cluster.agree { $0.history.map(\.outcome) == [.failed, .stood] && !$0.progress.reason.isEmpty })
}

@Test(arguments: 0..<3 as Range<UInt64>) func `hosts that die in the middle hold nothing up`(seed: UInt64) {
    let policy = policy(surge: 2)
    var cluster = standing(seed: seed, policy)
    cluster.deploy(revision("b", policy))
    for _ in 0..<3 {
        cluster.run(for: .seconds(1))
        cluster.kill(cluster.randomHost())
    }
    guard !cluster.alive.isEmpty else { return }
    cluster.reach("seed \(seed)") { $0.areComplete && $0.allRun("b") }
}

@Test(arguments: 0..<3 as Range<UInt64>) func `canaries go first, and the others after the hold time`(seed: UInt64) {
    let policy = policy(surge: 4) {
        $0.canary = 2
        $0.canaryHoldMilliseconds = 20_000
    }
    var cluster = standing(seed: seed, policy)
    cluster.deploy(revision("b", policy))
    cluster.run(for: .seconds(18)) { cluster in
        let new = cluster.slots.values.count { $0.contains { $0.spec.revision == .of("b") } }
        #expect(new <= 2, "seed \(seed)")
    }
    #expect(cluster.slots.values.count { $0.contains { $0.spec.revision == .of("b") } } == 2, "seed \(seed)")
    cluster.reach("seed \(seed)") { $0.areComplete && $0.allRun("b") }
}

@Test(arguments: 0..<3 as Range<UInt64>) func `without a hold time the others wait for an operator`(seed: UInt64) throws
{
    let policy = policy(surge: 4) { $0.canary = 1 }
    var cluster = standing(seed: seed, policy)
    cluster.deploy(revision("b", policy))
    cluster.run(for: .seconds(120))
    #expect(cluster.slots.values.count { $0.contains { $0.spec.revision == .of("b") } } == 1, "seed \(seed)")
    try cluster.change(.promote)
    cluster.reach("seed \(seed)") { $0.areComplete && $0.allRun("b") }
}

@Test(arguments: 0..<3 as Range<UInt64>) func `a bad canary is all that ever ran of a bad revision`(seed: UInt64) {
    let policy = policy(surge: 8) { $0.canary = 1 }
    var cluster = standing(seed: seed, policy)
    cluster.badRevisions = [.of("b")]
    cluster.deploy(revision("b", policy))
    var touched: Set<WorkerSlot> = []
    let isBack = cluster.run(until: { $0.areComplete && $0.agree { $0.progress.cause == .automaticRollback } }) {
        touched.formUnion($0.slots.filter { $0.value.contains { $0.spec.revision == .of("b") } }.keys)
    }
    #expect(isBack && touched.count == 1, "seed \(seed)")
}

@Test(arguments: 0..<3 as Range<UInt64>) func `a rollout that is paused goes no further, and goes on when resumed`(
    seed: UInt64
) throws {
    let policy = policy(surge: 1)
    var cluster = standing(seed: seed, policy)
    cluster.deploy(revision("b", policy))
    cluster.run(for: .seconds(5))
    try cluster.change(.pause)
    cluster.run(for: .seconds(10))
    let count = cluster.slots.values.count { $0.contains { $0.spec.revision == .of("b") } }
    cluster.run(for: .seconds(60))
    #expect(cluster.slots.values.count { $0.contains { $0.spec.revision == .of("b") } } == count && count < 12)
    try cluster.change(.resume)
    cluster.reach("seed \(seed)") { $0.areComplete && $0.allRun("b") }
}

@Test(arguments: 0..<3 as Range<UInt64>) func `a fix that is deployed while hosts roll back is what counts`(
    seed: UInt64
) {
    let policy = policy(surge: 3)
    var cluster = standing(seed: seed, policy)
    cluster.badRevisions = [.of("b")]
    cluster.deploy(revision("b", policy))
    _ = cluster.run(until: { $0.firstFailure != nil })
    cluster.deploy(revision("c", policy))
    cluster.reach("seed \(seed)") { $0.areComplete && $0.allRun("c") }
}

@Test(arguments: windows, 0..<3 as Range<UInt64>)
func `hosts that a revision has no program for hold nothing up, and keep what they run`(
    window: Window, seed: UInt64
) {
    let policy = policy(surge: window.surge, unavailable: window.unavailable)
    var cluster = standing(seed: seed, policy)
    (cluster.strangers, cluster.badForStrangers) = ([1, 4], [.of("b")])
    cluster.deploy(revision("b", policy))
    let isDone = cluster.run(until: { $0.areComplete && $0.allFittingRun("b") }) { cluster in
        #expect(cluster.doubled <= window.surge, "seed \(seed)")
        #expect(cluster.unserved <= window.unavailable, "seed \(seed)")
    }
    #expect(isDone, "seed \(seed)")
    #expect(cluster.slots.values.count { $0.map(\.spec.revision) == [.of("a")] } == 4, "seed \(seed)")
}

@Test(arguments: 0..<3 as Range<UInt64>)
func `canaries are tried out, so a host that a revision has no program for is none`(seed: UInt64) {
    let policy = policy(surge: 8) { $0.canary = 1 }
    var cluster = standing(seed: seed, policy)
    (cluster.strangers, cluster.badForStrangers, cluster.badRevisions) = (Set(1...5), [.of("b")], [.of("b")])
    cluster.deploy(revision("b", policy))
    cluster.reach("seed \(seed)") { $0.areComplete && $0.agree { $0.progress.cause == .automaticRollback } }
    #expect(cluster.agree { $0.history.map(\.outcome) == [.failed, .stood] }, "seed \(seed)")
}

@Test(arguments: 0..<3 as Range<UInt64>) func `a revision that has a program for no host is rolled back`(seed: UInt64) {
    let policy = policy(surge: 1)
    var cluster = standing(seed: seed, policy)
    (cluster.strangers, cluster.badForStrangers) = (Set(0..<6), [.of("b")])
    cluster.deploy(revision("b", policy))
    cluster.reach("seed \(seed)") { $0.areComplete && $0.agree { $0.progress.cause == .automaticRollback } }
    #expect(cluster.agree { $0.progress.reason.contains("no program") }, "seed \(seed)")
    #expect(cluster.allRun("a"), "seed \(seed)")
}
