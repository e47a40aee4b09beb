import IgropyrOrchestration
import TestSupport
import Testing

/// How a host does with the deployment.
private enum Course: CaseIterable {
    case untried, starting, ready, good, loops
    /// It serves with one worker and loops with another.
    case mixed
    /// It loops with what was deployed before.
    case loopedBefore
    /// Its machine is one for which there is no program.
    case misfit
}

private func workers(_ course: Course) -> [WorkerRecord] {
    func one(
        _ state: WorkerRecord.State, loops: Bool? = nil, gate: HealthGate.Verdict = .pending, index: Int = 0,
        revision: Character = "a"
    ) -> WorkerRecord {
        var record = worker("shop", index, revision: revision, state: state)
        record.fingerprint = spec(revision).worker.fingerprint
        (record.isLooping, record.gate) = (loops, gate)
        return record
    }
    return switch course {
    case .untried: []
    case .starting: [one(.starting)]
    case .ready: [one(.ready)]
    case .good: [one(.ready, gate: .available)]
    case .loops: [one(.backoff, loops: true, gate: .failed)]
    case .mixed: [one(.backoff, loops: true), one(.ready, index: 1)]
    case .misfit: [one(.failed, gate: .available)]
    case .loopedBefore: [one(.backoff, loops: true, revision: "b")]
    }
}

private func state(_ courses: [Course]) throws -> ReplicatedState {
    var state = ReplicatedState()
    var clock = HybridClock(host: "a")
    _ = try state.deploy("shop", spec("a"), at: day, clock: &clock)
    for (index, course) in courses.enumerated() {
        var entry = record(host(index), workers: workers(course))
        if course == .misfit { entry.misfits = [.of("a")] }
        _ = state.publish(entry, epoch: 1)
    }
    return state
}

private func host(_ index: Int) -> HostName { HostName(rawValue: "h\(index)")! }

extension ReplicatedState {
    fileprivate func quarantine(dead: Set<Int> = []) -> Quarantine? {
        let alive = Set(hosts.keys).subtracting(dead.map(host))
        return quarantines(alive: alive, placement: placement(alive: alive))["shop"]
    }
}

private let cases: [(courses: [Course], isBad: Bool)] = [
    ([.loops], true), ([.loops, .loops], true), ([.loops, .loops, .untried, .starting], true),
    ([.loops, .untried], false), ([.loops, .starting, .starting], false),
    ([.loops, .ready], false), ([.loops, .loops, .ready], true), ([.loops, .loops, .ready, .ready], false),
    ([.loops, .loops, .loops, .good], false), ([.mixed, .loops], false), ([.mixed], false),
    ([.loopedBefore], false), ([.loopedBefore, .loopedBefore], false), ([.loopedBefore, .loops], false),
    ([.starting, .ready, .untried], false), ([], false),
    ([.loops, .misfit], true), ([.loops, .loops, .misfit], true), ([.misfit, .misfit], false),
]

@Test(arguments: cases)
private func `a revision is quarantined when it crashes wherever it is tried, not by one host's fault`(
    courses: [Course], isBad: Bool
) throws {
    let found = try state(courses).quarantine()
    #expect((found != nil) == isBad)
    if let found {
        let looping = courses.indices.filter { courses[$0] == .loops }.map(host)
        #expect(found.worker == spec("a").worker && found.hosts == looping)
    }
}

@Test func `hosts that are gone have no say`() throws {
    #expect(try state([.loops, .loops, .ready]).quarantine(dead: [1]) == nil)
    #expect(try state([.loops, .loops, .good]).quarantine(dead: [2]) != nil)
}

@Test func `what has stood is not quarantined, whatever becomes of it`() throws {
    var state = try state([.loops, .loops])
    let timestamp = try #require(state.deployments["shop"]?.timestamp)
    #expect(state.quarantine() != nil)
    _ = state.conclude("shop", .complete, of: timestamp, by: "h0", at: day)
    #expect(state.quarantine() == nil)
}

@Test func `a retry lifts the quarantine, and is another deployment of the same`() throws {
    var state = try state([.loops])
    var clock = HybridClock(host: "a")
    #expect(state.quarantine() != nil)
    let again = try state.change("shop", .retry, at: day, clock: &clock)
    #expect(again.spec?.revision == .of("a") && again.spec?.worker != spec("a").worker)
    #expect(state.quarantine() == nil)
    #expect(throws: DeploymentError.unknownApplication("none", deployed: ["shop"])) {
        try state.change("none", .retry, at: day, clock: &clock)
    }
}

@Test(arguments: 0..<500 as Range<UInt64>) func `more trouble never lifts a quarantine, more success never brings it`(
    seed: UInt64
) throws {
    var generator = SplitMix(seed: seed)
    let count = Int.random(in: 1...6, using: &generator)
    var courses = (0..<count).map { _ in Course.allCases.randomElement(using: &generator)! }
    let before = try state(courses).quarantine() != nil
    let index = Int.random(in: 0..<count, using: &generator)
    courses[index] = before ? .loops : .good
    #expect(try (state(courses).quarantine() != nil) == before, "seed \(seed): \(courses)")
    courses[index] = .good
    #expect(try state(courses).quarantine() == nil, "seed \(seed): it was found good somewhere")
}
