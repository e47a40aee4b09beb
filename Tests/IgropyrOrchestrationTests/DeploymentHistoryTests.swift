import FoundationEssentials
import IgropyrOrchestration
import Testing

private struct Fixture {
    var state = ReplicatedState()
    var clock = HybridClock(host: "a")
    var now = day

    mutating func deploy(_ digit: Character) throws -> Deployment {
        now = now.advanced(byMilliseconds: 1000)
        return try state.deploy("shop", spec(digit), at: now, clock: &clock)
    }

    mutating func conclude(_ verdict: Rollout.Verdict, by host: HostName = "b") throws -> Deployment {
        let timestamp = try #require(state.deployments["shop"]).timestamp
        let deployment = state.conclude("shop", verdict, of: timestamp, by: host, at: now)
        return try #require(deployment)
    }

    mutating func change(_ change: ReplicatedState.Change) throws -> Deployment {
        now = now.advanced(byMilliseconds: 1000)
        return try state.change("shop", change, at: now, clock: &clock)
    }
}

@Test func `a failed deployment goes back to the last that stood, past those that were superseded`() throws {
    var fixture = Fixture()
    _ = try fixture.deploy("a")
    _ = try fixture.conclude(.complete)
    _ = try fixture.deploy("b")
    _ = try fixture.deploy("c")
    let back = try fixture.conclude(.failed("it died"))
    #expect(back.spec == spec("a") && back.progress.cause == .automaticRollback && back.progress.reason == "it died")
    #expect(back.history.map(\.spec.revision) == [.of("c"), .of("b"), .of("a")])
    #expect(back.history.map(\.outcome) == [.failed, .superseded, .stood])
}

@Test func `a rollback of the hosts' own is dated by when it was made, also once it is history`() throws {
    var fixture = Fixture()
    _ = try fixture.deploy("a")
    _ = try fixture.conclude(.complete)
    let failed = try fixture.deploy("b")
    fixture.now = fixture.now.advanced(byMilliseconds: 60_000)
    let (back, rollback) = (try fixture.conclude(.failed("it died")), fixture.now)
    #expect(back.timestamp.time == failed.timestamp.time && back.changedAt == rollback)
    #expect(try fixture.deploy("c").history.map(\.time) == [rollback, failed.changedAt, failed.history[0].time])
    let scaled = try fixture.change(.scale(to: .total(2)))
    #expect(scaled.changedAt == fixture.now)
}

@Test func `history is bounded and keeps what a rollback needs, and its bundle`() throws {
    var fixture = Fixture()
    _ = try fixture.deploy("a")
    _ = try fixture.conclude(.complete)
    for digit in "bcdef0123" { _ = try fixture.deploy(digit) }
    let deployment = try #require(fixture.state.deployments["shop"])
    #expect(deployment.history.count == StateLimits.history && deployment.lastStanding == spec("a"))
    #expect(fixture.state.referencedBundles == [.of("3"), .of("a")])
}

@Test func `each application has its revisions once, the latest first, and a removed one none`() throws {
    var fixture = Fixture()
    for digit in "abacd" { _ = try fixture.deploy(digit) }
    _ = try fixture.change(.restart)
    #expect(fixture.state.revisions == ["shop": [.of("d"), .of("c"), .of("a"), .of("b")]])
    _ = try fixture.state.remove("shop", at: fixture.now, clock: &fixture.clock)
    #expect(fixture.state.revisions.isEmpty)
}

@Test func `a rollback on request keeps the scale, and a second one goes forth again`() throws {
    var fixture = Fixture()
    _ = try fixture.deploy("a")
    _ = try fixture.conclude(.complete)
    _ = try fixture.deploy("b")
    _ = try fixture.conclude(.complete)
    _ = try fixture.change(.scale(to: .total(7)))
    let back = try fixture.change(.rollback(to: nil))
    #expect(back.spec?.revision == .of("a") && back.spec?.scale == .total(7) && !back.progress.isComplete)
    _ = try fixture.conclude(.complete)
    let forth = try fixture.change(.rollback(to: nil))
    #expect(forth.spec?.revision == .of("b"))
    #expect(throws: DeploymentError.self) { try fixture.change(.rollback(to: .of("f"))) }
}

@Test func `who is back already is told so, and does not fill the history`() throws {
    var fixture = Fixture()
    for digit in "ab" {
        _ = try fixture.deploy(digit)
        _ = try fixture.conclude(.complete)
    }
    _ = try fixture.deploy("c")
    let back = try fixture.conclude(.failed("it crashed"))
    #expect(back.spec?.revision == .of("b"))
    _ = try fixture.change(.scale(to: .total(7)))
    for revision in [nil, .of("b")] as [BundleDigest?] {
        let error = #expect(throws: DeploymentError.self) { try fixture.change(.rollback(to: revision)) }
        #expect(error?.description.contains("igropyr rollback shop --to REVISION") == true)
    }
    let earlier = try fixture.change(.rollback(to: .of("a")))
    #expect(earlier.spec?.revision == .of("a") && earlier.history.count == 4)
}

@Test func `a rollback goes back behind restarts of what stands, and only behind those`() throws {
    var fixture = Fixture()
    for digit in "ab" {
        _ = try fixture.deploy(digit)
        _ = try fixture.conclude(.complete)
    }
    for _ in 0...StateLimits.history {
        _ = try fixture.change(.restart)
        _ = try fixture.conclude(.complete)
    }
    #expect(fixture.state.deployments["shop"]?.history.count == StateLimits.history)
    #expect(throws: DeploymentError.self) { try fixture.change(.rollback(to: .of("b"))) }
    #expect(try fixture.change(.rollback(to: nil)).spec?.revision == .of("a"))

    // One that is under way is given up.
    _ = try fixture.conclude(.complete)
    let before = try #require(fixture.state.liveDeployments["shop"])
    _ = try fixture.change(.restart)
    #expect(try fixture.change(.rollback(to: nil)).spec == before)

    var alone = Fixture()
    _ = try alone.deploy("a")
    _ = try alone.conclude(.complete)
    _ = try alone.change(.restart)
    _ = try alone.conclude(.complete)
    let error = #expect(throws: DeploymentError.self) { try alone.change(.rollback(to: nil)) }
    #expect(error?.description.contains("no earlier deployment that stood") == true)
}

@Test func `a rollback to a revision brings back what stood of it, not what was given up later`() throws {
    var fixture = Fixture()
    _ = try fixture.deploy("a")
    _ = try fixture.conclude(.complete)
    let stood = try fixture.deploy("b")
    _ = try fixture.conclude(.complete)
    var bad = spec("b")
    bad.environment["LEVEL"] = "bad"
    _ = try fixture.state.deploy("shop", bad, at: fixture.now, clock: &fixture.clock)
    _ = try fixture.deploy("c")
    let back = try fixture.change(.rollback(to: .of("b")))
    #expect(back.spec == stood.spec)
}

@Test func `what changes no worker begins no rollout`() throws {
    var fixture = Fixture()
    _ = try fixture.deploy("a")
    _ = try fixture.conclude(.complete)
    var moved = spec("a", scale: .perHost(3), route: route("/shop"))
    moved.update = UpdatePolicy()
    let deployment = try fixture.state.deploy("shop", moved, at: fixture.now, clock: &fixture.clock)
    #expect(deployment.progress.isComplete && deployment.history.isEmpty)
    let restarted = try fixture.change(.restart)
    #expect(!restarted.progress.isComplete && restarted.spec?.worker != moved.worker)
    let again = try fixture.deploy("a")
    #expect(again.spec?.generation == 1, "deployed again, it is not restarted once more")
}

@Test func `what hosts conclude is the same whoever does, and an operator's later decision beats it`() throws {
    var (one, two) = (Fixture(), Fixture())
    two.clock = HybridClock(host: "z")
    _ = try one.deploy("a")
    _ = try one.conclude(.complete)
    let bad = try one.deploy("b")
    two.state = one.state
    var third = one.state
    _ = try one.conclude(.failed("x"), by: "b")
    _ = try two.conclude(.failed("y"), by: "c")
    // A clock that is far behind: it still knows what it replaces.
    let fix = try two.state.deploy(
        "shop", spec("c"), at: UnixTime(milliseconds: 5), clock: &two.clock)
    var fixClock = HybridClock(host: "k")
    let other = try third.deploy("shop", spec("c"), at: UnixTime(milliseconds: 5), clock: &fixClock)
    #expect(fix.timestamp > bad.timestamp && other.timestamp > one.state.deployments["shop"]!.timestamp)
    let late = one.state.conclude("shop", .complete, of: bad.timestamp, by: "d", at: one.now)
    #expect(late == nil, "it is judged already")
    let failed = bad.timestamp.concluded(rank: 2, by: "a")
    #expect(failed > bad.timestamp.concluded(rank: 1, by: "z"), "a failure counts more than success")
}

@Test func `an entry of an earlier edition counts as complete`() throws {
    let json = #"""
        {"name": "shop", "timestamp": {"time": 1, "count": 0, "origin": "a"}, "spec": {"revision": "\#(BundleDigest.of("a"))",
        "kind": {"site": {}}, "arguments": [], "environment": {}, "scale": {"perHost": 1}, "constraints": {},
        "route": {"pathPrefix": "/"}, "stopTimeoutMilliseconds": 1, "startTimeoutMilliseconds": 1,
        "restart": {"kind": "permanent", "intensity": 5, "periodMilliseconds": 10000}}}
        """#
    let deployment = try JSONDecoder().decode(Deployment.self, from: Data(json.utf8))
    #expect(deployment.progress.isComplete && deployment.history.isEmpty && deployment.spec?.update == nil)
    let again = try JSONDecoder().decode(Deployment.self, from: JSONEncoder().encode(deployment))
    #expect(again == deployment)
}

@Test(arguments: ["", "-1", "101%", "1001", "5 %", "x", "99999"]) func `a share that is none is refused`(text: String) {
    #expect(UpdatePolicy.Share(text) == nil)
}

@Test func `a window is never empty, per cent round as in Kubernetes`() {
    var policy = UpdatePolicy()
    #expect([0, 1, 4, 5, 100].map { policy.window(of: $0).surge } == [1, 1, 1, 2, 25])
    policy.maxSurge = .count(0)
    policy.maxUnavailable = .percent(25)
    #expect([1, 3, 4, 9].map { policy.window(of: $0).unavailable } == [0, 0, 1, 2])
    #expect(policy.window(of: 3).surge == 1)
}

@Test func `secrets go over to another key in all that a rollback may bring back, and nothing is decided by that`()
    throws
{
    var fixture = Fixture()
    for digit in "ab" {
        var spec = spec(digit)
        spec.secrets = ["A": Secret(value: SealedValue(version: "\(digit)", key: "old", box: "x")), "B": Secret()]
        fixture.now = fixture.now.advanced(byMilliseconds: 1000)
        _ = try fixture.state.deploy("shop", spec, at: fixture.now, clock: &fixture.clock)
        if digit == "a" { _ = try fixture.conclude(.complete) }
    }
    let before = try #require(fixture.state.deployments["shop"])
    let reseal = { (_: String, value: SealedValue) -> SealedValue? in
        value.key == "new" ? nil : SealedValue(version: value.version, key: "new", box: "y")
    }
    #expect(fixture.state.reseal("shop", at: fixture.now, clock: &fixture.clock, reseal))
    var after = try #require(fixture.state.deployments["shop"])
    let values = ([after.spec] + after.history.map(\.spec)).map { $0?.secrets["A"]?.value }
    #expect(values.map { $0?.key } == ["new", "new"] && values.map { $0?.version } == ["b", "a"])
    #expect(after.timestamp > before.timestamp && after.progress == before.progress)
    #expect(after.spec?.worker == before.spec?.worker)
    #expect(!fixture.state.reseal("shop", at: fixture.now, clock: &fixture.clock, reseal))
    let back = try fixture.change(.rollback(to: nil))
    #expect(back.spec?.secrets["A"]?.value?.key == "new")
    after = try #require(fixture.state.deployments["shop"])
    #expect(!fixture.state.reseal("none", at: fixture.now, clock: &fixture.clock, reseal) && after == back)
}
