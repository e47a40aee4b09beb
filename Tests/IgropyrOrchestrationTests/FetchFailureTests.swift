import IgropyrOrchestration
import IgropyrTime
import Testing

/// A host on which "a" stands and whose turn it is to replace it by "b".
private struct Fixture {
    var state = ReplicatedState()
    var clock = HybridClock(host: "h")
    var agenda = Agenda(of: "h")
    var workers: [LocalWorker]

    init() throws {
        let old = try state.deploy("shop", spec("a"), at: day, clock: &clock)
        _ = state.conclude("shop", .complete, of: old.timestamp, by: "h", at: day)
        var new = spec("b")
        new.update = UpdatePolicy()
        new.update?.healthDeadlineMilliseconds = 60_000
        _ = try state.deploy("shop", new, at: day.advanced(byMilliseconds: 1), clock: &clock)
        workers = [LocalWorker(id: 1, slot: slot, spec: spec("a").worker, state: .ready)]
        publish(nil)
    }

    let slot = WorkerSlot(application: "shop", host: "h", index: 0)

    mutating func publish(_ unfetched: String?) {
        var entry = record("h")
        entry.bundles = [.of("a")]
        var old = worker("shop")
        old.fingerprint = spec("a").worker.fingerprint
        entry.workers = [old]
        if let unfetched, let new = state.liveDeployments["shop"]?.worker {
            var absent = worker("shop", revision: "b", state: .backoff)
            (absent.fingerprint, absent.gate, absent.message) = (new.fingerprint, .failed, unfetched)
            entry.workers.append(absent)
        }
        _ = state.publish(entry, epoch: 1)
    }

    mutating func fail(at seconds: Int64, isHeld: Bool = true, hasProgressed: Bool = false) {
        agenda.fetchFailures.handleFailure(
            of: .of("b"), "it is far away", isHeld: isHeld, hasProgressed: hasProgressed, at: .seconds(seconds))
    }

    mutating func look(at seconds: Int64) -> [WorkerSlot: String] {
        agenda.look(at: state, alive: ["h"], failed: [], workers, at: .seconds(seconds)).unfetched
    }
}

@Test func `a bundle that does not come for as long as a worker may take fails the rollout, and says why`() throws {
    var fixture = try Fixture()
    #expect(fixture.look(at: 0).isEmpty)
    for seconds in [5, 20, 64] as [Int64] {
        fixture.fail(at: seconds)
        #expect(fixture.look(at: seconds).isEmpty, "from the first failure on")
        #expect(fixture.agenda.deadline(after: .seconds(seconds)) == .seconds(65))
    }
    let unfetched = fixture.look(at: 65)
    #expect(unfetched == [fixture.slot: "its bundle has not come for 60 s: it is far away"])
    fixture.publish(unfetched[fixture.slot])
    let findings = fixture.agenda.look(at: fixture.state, alive: ["h"], failed: [], fixture.workers, at: .seconds(65))
    let verdict = Rollout.Verdict.failed("shop/h/0 failed: its bundle has not come for 60 s: it is far away")
    #expect(findings.rollouts.underWay["shop"]?.verdict == verdict)
}

@Test func `a bundle that comes piece by piece, or at last, has failed nothing`() throws {
    var fixture = try Fixture()
    for seconds in [0, 50, 100] as [Int64] {
        fixture.fail(at: seconds, hasProgressed: true)
        #expect(fixture.look(at: seconds + 49).isEmpty)
    }
    #expect(!fixture.look(at: 160).isEmpty)
    fixture.agenda.fetchFailures.forget(.of("b"))
    #expect(fixture.look(at: 161).isEmpty)
}

@Test func `a bundle that nobody alive has fails nothing, for the host may be cut off from where it stands`() throws {
    var fixture = try Fixture()
    fixture.fail(at: 0)
    fixture.fail(at: 10, isHeld: false)
    #expect(fixture.look(at: 60).isEmpty)
    fixture.fail(at: 70)
    #expect(fixture.look(at: 129).isEmpty, "its time begins anew")
    #expect(!fixture.look(at: 130).isEmpty)
}

@Test func `who does not wait for a bundle is not failed by it`() throws {
    var fixture = try Fixture()
    fixture.fail(at: 0)
    let old = fixture.workers
    fixture.workers = []
    #expect(fixture.look(at: 60).isEmpty, "nothing serves there, and no rollout waits for it")
    fixture.workers = old
    #expect(!fixture.look(at: 61).isEmpty)
    _ = try fixture.state.change("shop", .pause, at: day.advanced(byMilliseconds: 2), clock: &fixture.clock)
    #expect(fixture.look(at: 62).isEmpty)
    _ = try fixture.state.change("shop", .resume, at: day.advanced(byMilliseconds: 3), clock: &fixture.clock)
    #expect(fixture.look(at: 63).isEmpty, "its time begins anew")
}
