import Testing

@testable import IgropyrOrchestration

private func state(_ deployments: [Deployment] = [], _ hosts: [HostRecord] = []) -> ReplicatedState {
    var result = ReplicatedState()
    for deployment in deployments { result.store(deployment) }
    for record in hosts { result.store(record) }
    return result
}

private func deployment(_ name: ApplicationName, at offset: Int64 = 0, _ spec: DeploymentSpec? = spec()) -> Deployment {
    Deployment(name: name, timestamp: stamp(offset), spec: spec)
}

@Test func `deploying, changing and removing an application goes by growing timestamps`() throws {
    var (state, clock) = (ReplicatedState(), HybridClock(host: "a"))
    let first = try state.deploy("shop", spec("a"), at: day, clock: &clock)
    let second = try state.deploy("shop", spec("b"), at: day, clock: &clock)
    let third = try state.remove("shop", at: day, clock: &clock)
    #expect(first.timestamp < second.timestamp && second.timestamp < third.timestamp)
    #expect(state.deployments["shop"] == third && state.liveDeployments.isEmpty)
    for name in ["shop", "none"] as [ApplicationName] {
        #expect(throws: DeploymentError.unknownApplication(name, deployed: [])) {
            try state.remove(name, at: day, clock: &clock)
        }
    }
}

@Test func `who names what is not there is told what is, up to twenty of them`() {
    let names = (10..<32).reversed().map { ApplicationName(rawValue: "a\($0)")! }
    let text = DeploymentError.unknownApplication("shop", deployed: names).description
    #expect(text.hasPrefix("no application named shop is deployed; deployed are: a10, a11, "))
    #expect(text.hasSuffix(", a29 and 2 more"))
    #expect(DeploymentError.unknownApplication("shop", deployed: []).description.hasSuffix("; nothing is"))
    let host = DeploymentError.unknownHost("c", nodes: ["b", "a"]).description
    #expect(host == "there is no node called c; the nodes are: a, b")
}

@Test func `a change replaces an entry from a clock that is ahead, also after a restart`() throws {
    var state = state([deployment("shop", at: 3_600_000)])
    var clock = HybridClock(host: "b")
    let change = try state.deploy("shop", spec("b"), at: day, clock: &clock)
    #expect(change.timestamp > stamp(3_600_000))
}

@Test func `a route that another application has is refused by name`() throws {
    var (state, clock) = (ReplicatedState(), HybridClock(host: "a"))
    let route = try Route(host: "shop.example", pathPrefix: "/x")
    _ = try state.deploy("one", spec(route: route), at: day, clock: &clock)
    let before = state
    #expect(throws: DeploymentError.routeTaken(route, by: "one")) {
        try state.deploy("two", spec(route: Route(host: "Shop.Example", pathPrefix: "/x/")), at: day, clock: &clock)
    }
    #expect(state == before)
    _ = try state.deploy("one", spec("b", route: route), at: day, clock: &clock)
    _ = try state.deploy("two", spec(route: Route(pathPrefix: "/x")), at: day, clock: &clock)
    _ = try state.remove("one", at: day, clock: &clock)
    _ = try state.deploy("three", spec(route: route), at: day, clock: &clock)
}

@Test func `further routes are held and refused like the first`() throws {
    var (state, clock) = (ReplicatedState(), HybridClock(host: "a"))
    let (first, second) = (try Route(pathPrefix: "/x"), try Route(host: "shop.example", pathPrefix: "/"))
    var one = spec(route: first)
    one.furtherRoutes = [second]
    _ = try state.deploy("one", one, at: day, clock: &clock)
    #expect(throws: DeploymentError.routeTaken(second, by: "one")) {
        try state.deploy("two", spec(route: second), at: day, clock: &clock)
    }
    let routes = DeployedRoutes(state.liveDeployments)
    #expect(routes.application(host: "shop.example", path: "/y") == "one")
    #expect(routes.application(host: "other.example", path: "/x/y") == "one")
    #expect(routes.application(host: "other.example", path: "/y") == nil)
}

private let badSpecs: [(change: @Sendable (inout DeploymentSpec) -> Void, code: Refusal.Code)] = [
    ({ $0.kind = .executable(entry: "/bin/sh") }, .malformed), ({ $0.kind = .executable(entry: "a/../b") }, .malformed),
    ({ $0.kind = .executable(entry: "") }, .malformed), ({ $0.kind = .executable(entry: "a\u{1B}") }, .malformed),
    ({ $0.arguments = Array(repeating: "a", count: 257) }, .tooMany),
    ({ $0.arguments = [String(repeating: "a", count: 16_385)] }, .tooLarge), ({ $0.arguments = ["a\0b"] }, .malformed),
    ({ $0.environment = ["": "x"] }, .malformed), ({ $0.environment = ["A=B": "x"] }, .malformed),
    ({ $0.environment = ["1A": "x"] }, .malformed), ({ $0.environment = ["A": "\0"] }, .malformed),
    ({ $0.environment = ["A": String(repeating: "a", count: 16_384)] }, .tooLarge),
    ({ $0.constraints = ["": "x"] }, .malformed), ({ $0.constraints = ["a=b": "x"] }, .malformed),
    ({ $0.constraints = ["a": String(repeating: "v", count: 257)] }, .tooLarge),
    ({ spec in for key in 0...32 { spec.constraints["k\(key)"] = "" } }, .tooMany),
    ({ $0.scale = .perHost(-1) }, .malformed), ({ $0.scale = .perHost(1001) }, .malformed),
    ({ $0.scale = .total(1001) }, .malformed), ({ $0.scale = .total(.min) }, .malformed),
    ({ $0.stopTimeoutMilliseconds = -1 }, .malformed), ({ $0.startTimeoutMilliseconds = 0 }, .malformed),
    ({ $0.stopTimeoutMilliseconds = .max }, .malformed), ({ $0.restart.intensity = -1 }, .malformed),
    ({ $0.restart.periodMilliseconds = 0 }, .malformed), ({ $0.preferences = ["": "x"] }, .malformed),
    ({ spec in for key in 0...32 { spec.preferences["k\(key)"] = "" } }, .tooMany),
    ({ $0.furtherRoutes = [$0.route] }, .malformed), ({ $0.confinement.memoryBytes = 1 }, .malformed),
    ({ $0.confinement.memoryBytes = .max }, .malformed), ({ $0.confinement.cpuThousandths = 0 }, .malformed),
    ({ $0.confinement.openFiles = -1 }, .malformed), ({ $0.confinement.processes = 0 }, .malformed),
    ({ $0.secrets = ["1": Secret()] }, .malformed), ({ $0.secrets = ["../x": Secret()] }, .malformed),
    ({ $0.secrets = [String(repeating: "A", count: 65): Secret()] }, .malformed),
    ({ spec in for index in 0...32 { spec.secrets["A\(index)"] = Secret() } }, .tooMany),
    (
        {
            let box = String(repeating: "A", count: 65_537)
            $0.secrets = ["A": Secret(value: SealedValue(version: "", key: "", box: box))]
        }, .tooLarge
    ),
    ({ $0.health = HealthCheck(.http(path: "x")) }, .malformed),
    ({ $0.health = HealthCheck(.tcp, intervalMilliseconds: 0) }, .malformed),
    ({ $0.health = HealthCheck(.tcp, timeoutMilliseconds: 0) }, .malformed),
    ({ $0.health = HealthCheck(.tcp, failures: 0) }, .malformed),
    ({ $0.health = HealthCheck(.tcp, warmUp: ["/a b"]) }, .malformed),
    ({ $0.health = HealthCheck(.tcp, warmUp: Array(repeating: "/", count: 17)) }, .tooMany),
    ({ $0.confinement.user = "" }, .malformed), ({ $0.confinement.user = "a:b" }, .malformed),
    ({ $0.confinement.user = "99999999999" }, .malformed), ({ $0.confinement.user = "-1" }, .malformed),
    ({ spec in spec.furtherRoutes = (0..<16).compactMap { try? Route(pathPrefix: "/\($0)") } }, .tooMany),
    ({ $0.hashKey = .header(String(repeating: "x", count: 1020)) }, .tooLarge),
]

@Test func `a spec beyond a limit is refused, from an operator and from a peer`() {
    for (index, bad) in badSpecs.enumerated() {
        var content = spec()
        bad.change(&content)
        var (state, clock) = (ReplicatedState(), HybridClock(host: "b"))
        #expect(throws: DeploymentError.self, "row \(index)") { try state.deploy("x", content, at: day, clock: &clock) }
        let change = state.apply(StateDelta(deployments: [deployment("x", content)]), at: day, clock: &clock)
        #expect(change.refusals.map(\.code) == [bad.code], "row \(index)")
        #expect(state == ReplicatedState())
    }
}

private let badRecords: [(change: @Sendable (inout HostRecord) -> Void, code: Refusal.Code)] = [
    ({ $0.version.epoch = -1 }, .malformed), ({ $0.version.epoch = .max }, .tooFarAhead),
    ({ $0.version.counter = .max }, .malformed), ({ $0.version.counter = -1 }, .malformed),
    ({ $0.address = "" }, .malformed), ({ $0.address = "10.0.0.1/x" }, .malformed),
    ({ $0.address = String(repeating: "1", count: 65) }, .malformed),
    ({ $0.bundles = Array(repeating: .of("a"), count: 1001) }, .tooMany),
    ({ $0.misfits = Array(repeating: .of("a"), count: 1001) }, .tooMany),
    ({ $0.workers = Array(repeating: worker("x"), count: 1001) }, .tooMany),
    ({ $0.workers = [worker("x", -1)] }, .malformed), ({ $0.workers = [worker("x", 1000)] }, .malformed),
    (
        {
            $0.workers = [worker("x")]; $0.workers[0].message = "\u{1B}[2J"
        }, .malformed
    ),
    (
        {
            $0.workers = [worker("x")]; $0.workers[0].message = String(repeating: "m", count: 513)
        }, .tooLarge
    ),
    (
        {
            $0.workers = [worker("x")]; $0.workers[0].restarts = -1
        }, .malformed
    ),
    ({ $0.problems = Array(repeating: "full", count: 9) }, .tooMany), ({ $0.problems = ["\u{1B}[2J"] }, .malformed),
    ({ $0.problems = [String(repeating: "m", count: 513)] }, .tooLarge),
    ({ $0.tags = ["a": "\n"] }, .malformed),
    ({ record in for key in 0...64 { record.tags["k\(key)"] = "" } }, .tooMany),
]

@Test func `a host's record beyond a limit is refused, and the others of the delta are taken`() {
    for (index, bad) in badRecords.enumerated() {
        var content = record("a")
        bad.change(&content)
        var (state, clock) = (ReplicatedState(), HybridClock(host: "b"))
        let change = state.apply(StateDelta(hosts: [content, record("c")]), at: day, clock: &clock)
        #expect(change.refusals.map(\.code) == [bad.code], "row \(index)")
        #expect(change.hosts == ["c"])
    }
}

@Test func `a message from a process is cut and cleaned to what a record may carry`() {
    let message = WorkerRecord.message(from: "a\u{1B}[31m\n" + String(repeating: "é", count: 400))
    #expect(message.hasPrefix("a [31m é"))
    #expect((511...512).contains(message.utf8.count))
}

@Test func `one peer cannot make the state grow without bound`() {
    var (state, clock) = (ReplicatedState(), HybridClock(host: "me"))
    let live = (0..<1001).map { deployment(ApplicationName(rawValue: "l\($0)")!) }
    let removed = (0..<1001).map { deployment(ApplicationName(rawValue: "r\($0)")!, nil) }
    let hosts = (0..<1001).map { record(HostName(rawValue: "h\($0)")!) }
    let revived = [deployment("r0", at: 1)]
    for delta in [
        StateDelta(deployments: live), StateDelta(deployments: removed), StateDelta(deployments: revived),
        StateDelta(hosts: hosts),
    ] {
        let change = state.apply(delta, at: day, clock: &clock)
        #expect(change.refusals.map(\.code) == [.tooMany])
    }
    let change = state.apply(StateDelta(deployments: [deployment("l0", at: 1, spec("b"))]), at: day, clock: &clock)
    #expect(change.deployments == ["l0"])
    #expect(state.deployments.count == 2000 && state.hosts.count == 1000)
}

@Test func `an entry from more than 24 hours ahead is dropped, the others are taken`() {
    var (state, clock) = (ReplicatedState(), HybridClock(host: "b"))
    let ahead = deployment("x", at: HybridClock.maximumLeadMilliseconds + 1)
    let change = state.apply(StateDelta(deployments: [ahead, deployment("y")]), at: day, clock: &clock)
    #expect(change.refusals.map(\.code) == [.tooFarAhead] && change.deployments == ["y"])
    let tick = clock.tick(at: day)
    #expect(tick == stamp(0, 1, by: "b"), "it followed y's timestamp and not x's")
}

@Test func `a host whose clock starts in 1970 keeps what its file says, and goes on after it`() throws {
    let saved = state([deployment("x", at: 5), deployment("gone", nil)], [record("a", epoch: day.milliseconds)])
    var (state, clock) = (ReplicatedState(), HybridClock(host: "a"))
    let change = state.restore(saved.snapshot, at: UnixTime(milliseconds: 0), clock: &clock)
    #expect(change.refusals.isEmpty && state == saved)
    let removal = try state.remove("x", at: UnixTime(milliseconds: 1000), clock: &clock)
    #expect(removal.timestamp == stamp(5, 1))
}

@Test func `a delta of another format is refused whole`() {
    var (state, clock) = (ReplicatedState(), HybridClock(host: "b"))
    var delta = StateDelta(deployments: [deployment("x")])
    delta.version = 2
    let change = state.apply(delta, at: day, clock: &clock)
    #expect(change.refusals.map(\.code) == [.unsupportedVersion])
    #expect(state == ReplicatedState())
}

@Test func `a tombstone is kept for seven days, then collected and not taken again`() {
    var (state, clock) = (state([deployment("x", nil), deployment("y")]), HybridClock(host: "b"))
    let limit = day.advanced(byMilliseconds: ReplicatedState.tombstoneMilliseconds)
    let full = state.snapshot
    state.collectTombstones(at: limit)
    #expect(state.deployments.count == 2)
    state.collectTombstones(at: limit.advanced(byMilliseconds: 1))
    #expect(state.deployments.keys.map(\.self) == ["y"])
    let change = state.apply(full, at: limit.advanced(byMilliseconds: 1), clock: &clock)
    #expect(change.isEmpty)
    #expect(state.deployments["x"] == nil)
}

@Test func `records of hosts that membership does not know are forgotten and not taken`() {
    var (state, clock) = (state([], [record("a"), record("b")]), HybridClock(host: "a"))
    state.forgetHosts(except: ["a"])
    #expect(state.hosts.keys.map(\.self) == ["a"])
    let delta = StateDelta(hosts: [record("b"), record("c")])
    let change = state.apply(delta, at: day, clock: &clock, knownHosts: ["a", "c"])
    #expect(change.hosts == ["c"])
}

private let publications: [(epoch: Int64, workers: [WorkerRecord], isChange: Bool, version: HostRecord.Version)] = [
    (100, [], true, .init(epoch: 100, counter: 0)),
    (100, [], false, .init(epoch: 100, counter: 0)),
    (100, [worker("x")], true, .init(epoch: 100, counter: 1)),
    (200, [worker("x")], true, .init(epoch: 200, counter: 0)),  // It restarted.
    (150, [], true, .init(epoch: 200, counter: 1)),  // Again, and its clock went back.
]

@Test func `a host's own record counts up within an epoch, and a restart supersedes it`() {
    var state = ReplicatedState()
    for row in publications {
        let isChange = state.publish(record("a", epoch: 7, counter: 7, workers: row.workers), epoch: row.epoch)
        #expect(isChange == row.isChange)
        #expect(state.hosts["a"]?.version == row.version)
    }
}

private let foreign: [(epoch: Int64, counter: Int64, expected: HostRecord.Version)] = [
    (99, 9, .init(epoch: 100, counter: 0)), (100, 0, .init(epoch: 101, counter: 0)),
    (100, 5, .init(epoch: 101, counter: 0)), (300, 2, .init(epoch: 301, counter: 0)),
]

@Test(arguments: foreign) func `a host's own record is never taken from others, it goes above them`(
    epoch: Int64, counter: Int64, expected: HostRecord.Version
) {
    var (state, clock) = (ReplicatedState(), HybridClock(host: "a"))
    _ = state.publish(record("a"), epoch: 100)
    let old = record("a", epoch: epoch, counter: counter, workers: [worker("gone")])
    _ = state.apply(StateDelta(hosts: [old]), at: day, clock: &clock)
    #expect(state.hosts["a"]?.workers == [])
    #expect(state.hosts["a"]?.version == expected)
}

@Test func `a delta is cut at a boundary, and repeated exchanges bring all across`() {
    let names = (0..<50).map { ApplicationName(rawValue: "app-\($0)")! }
    let hosts = (0..<50).map { record(HostName(rawValue: "h\($0)")!, workers: [worker("x")]) }
    let source = state(names.map { deployment($0) }, hosts)
    var (copy, clock, rounds) = (ReplicatedState(), HybridClock(host: "b"), 0)
    while copy != source, rounds < 200 {
        let delta = source.delta(for: copy.digest, maximumBytes: 2000)
        #expect(!delta.isEmpty)
        _ = copy.apply(delta, at: day, clock: &clock)
        #expect(delta.isComplete == (copy == source))
        rounds += 1
    }
    #expect(copy == source && rounds > 10)
}

@Test func `where many hosts change at a time, each change goes to each of the others once`() {
    let names = (0..<30).map { HostName(rawValue: "h\($0)")! }
    let before = names.map { record($0) }
    var states = names.map { name in
        var state = state([deployment("shop")], before)
        state.store(record(name, counter: 1, workers: [worker("shop")]))
        return state
    }
    // All ask at once, and so before any has had an answer but that of the one before.
    var sent = 0
    for step in 1..<names.count {
        let digests = states.map(\.digest)
        for (index, digest) in digests.enumerated() {
            let owner = (index + step) % names.count
            let delta = states[owner].delta(for: digest, of: names[owner])
            #expect(delta.hosts.map(\.name) == [names[owner]] && delta.deployments.isEmpty && delta.isComplete)
            sent += delta.hosts.count
            var clock = HybridClock(host: names[index])
            _ = states[index].apply(delta, at: day, clock: &clock)
        }
    }
    #expect(sent == 30 * 29 && Set(states).count == 1)
    #expect(states[0].delta(for: StateDigest(), of: "h1").deployments.count == 1, "decisions, whoever made them")
}

@Test func `what is decided has bounds in sum, which keep nobody from removing, or from hearing of others' decisions`()
    throws
{
    var (state, clock) = (ReplicatedState(), HybridClock(host: "a"))
    func large(_ number: Int) throws -> DeploymentSpec {
        var large = spec(route: try Route(pathPrefix: "/\(number)"))
        large.arguments = [String(repeating: "x", count: StateLimits.textBytes)]
        return large
    }
    for history in [5, 0] {
        while true {
            let number = state.deployments.count
            var entry = deployment(ApplicationName(rawValue: "app-\(number)")!, at: 0, try large(number))
            let past = PastDeployment(time: day, spec: entry.spec!, outcome: .stood)
            entry.history = Array(repeating: past, count: history)
            guard state.decidedBytes + entry.approximateBytes <= StateLimits.decidedBytes else { break }
            state.store(entry)
        }
    }
    let last = try large(state.deployments.count)
    let error = #expect(throws: DeploymentError.self) { try state.deploy("last", last, at: day, clock: &clock) }
    #expect("\(error!)".contains("at most 32 MB are allowed: remove some"))
    var content = content()
    content.sealed.box = String(repeating: "x", count: StateLimits.sealedBytes)
    #expect(throws: Refusal.self) { try state.setCertificate("x.test", content, at: day, clock: &clock) }
    var (other, theirs) = (ReplicatedState(), HybridClock(host: "b"))
    _ = try other.setCertificate("x.test", content, at: day, clock: &theirs)
    let change = state.apply(other.snapshot, at: day, clock: &clock)
    #expect(change.certificates == ["x.test"] && state.decidedBytes > StateLimits.decidedBytes)
    _ = try state.remove("app-0", at: day, clock: &clock)
    #expect(throws: Never.self) { try state.deploy("last", last, at: day, clock: &clock) }
}
