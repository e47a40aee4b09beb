import IgropyrOrchestration
import IgropyrTime
import Testing

private let hour: Int64 = 3_600_000

/// How far the peers' clocks are ahead of ours, in hours, and what is thought of ours; of one behind, by how many hours
/// at least.
private let clocks: [(leads: [Int64], verdict: PeerClocks.Verdict)] = [
    ([], .unknown), ([0], .right), ([23, -23], .right), ([-25], .unknown), ([25], .unknown), ([-25, 0], .right),
    ([25, 0], .right), ([25, -25, 0, 0], .right), ([-25, -25, 0], .unknown), ([25, 25, 0], .unknown),
    ([-25, -25], .ahead(["b", "c"])), ([-25, 0, -25, -1000], .ahead(["b", "d", "e"])),
    ([25, 1000], .behind(["b", "c"], later(25))), ([26, 0, 25, 26], .behind(["b", "d", "e"], later(25))),
]

/// All tests look a minute later, and then all clocks are a minute further.
private func later(_ hours: Int64 = 0) -> UnixTime { day.advanced(byMilliseconds: hours * hour + 60_000) }

@Test(arguments: clocks) func `a clock is right if it agrees with more than half, and wrong if more than half differ`(
    leads: [Int64], verdict: PeerClocks.Verdict
) {
    var clocks = PeerClocks()
    for (name, lead) in zip(["b", "c", "d", "e"] as [HostName], leads) {
        clocks.note(day.advanced(byMilliseconds: lead * hour), of: name, at: .seconds(5))
    }
    clocks.note(day.advanced(byMilliseconds: .max), of: "gone", at: .zero)
    clocks.forget(except: ["b", "c", "d", "e"])
    #expect(clocks.verdict(on: later(), at: .seconds(65)) == verdict)
}

@Test func `a clock that was set right counts at once`() {
    var clocks = PeerClocks()
    for peer in ["b", "c"] as [HostName] { clocks.note(day, of: peer, at: .zero) }
    #expect(clocks.verdict(on: later(1000), at: .seconds(60)) == .ahead(["b", "c"]))
    #expect(clocks.verdict(on: later(), at: .seconds(60)) == .right)
}

@Test func `where all clocks start in 1970, nothing is taken for early`() throws {
    let start = UnixTime(milliseconds: 5000)
    var (state, clock) = (ReplicatedState(), HybridClock(host: "a"))
    _ = try state.deploy("shop", spec(), at: day, clock: &clock)
    _ = state.publish(record("a"), epoch: day.milliseconds)
    let others = [record("b", epoch: day.milliseconds), record("c", epoch: day.milliseconds), record("d", epoch: 1)]
    _ = state.apply(StateDelta(hosts: others), at: day, clock: &clock)
    let before = state
    let epoch = state.amendTimes(at: start, clock: &clock)
    #expect(epoch == nil && state == before)
}

@Test(arguments: [true, false])
func `who was believed while clocks were far ahead is heard again once they are right`(isNode: Bool) {
    let lead = 1000 * hour
    var (state, clock) = (ReplicatedState(), HybridClock(host: "a"))
    if isNode { _ = state.publish(record("a"), epoch: day.milliseconds) }
    let others = (["b", "c"] as [HostName]).map {
        record($0, epoch: day.milliseconds + lead, workers: [worker("shop")])
    }
    let decided = Deployment(name: "shop", timestamp: stamp(lead, by: "b"), spec: spec())
    _ = state.apply(StateDelta(deployments: [decided], hosts: others), at: later(1000), clock: &clock)
    let epoch = state.amendTimes(at: later(), clock: &clock)
    #expect(epoch == later().milliseconds)
    #expect(state.hosts["b"]?.workers == others[0].workers, "it serves meanwhile")
    #expect(state.liveDeployments["shop"] == decided.spec)
    let again = state.amendTimes(at: later(), clock: &clock)
    #expect(again == nil, "there is nothing more")

    let amended = record("b", epoch: later().milliseconds)
    // A node's own stamp may be the later one; a balancer's never is.
    let next = Deployment(name: "shop", timestamp: stamp(isNode ? 2 * 60_000 : 1, by: "b"), spec: spec("b"))
    let change = state.apply(StateDelta(deployments: [next], hosts: [amended]), at: later(), clock: &clock)
    #expect(change.hosts == ["b"] && change.deployments == ["shop"] && change.refusals.isEmpty)
    #expect(state.hosts["b"] == amended && state.deployments["shop"] == next)
}

@Test func `what was decided under a clock far ahead is taken by others once that is right, in its order`() throws {
    let wrong = day.advanced(byMilliseconds: 1000 * hour)
    var (state, clock) = (ReplicatedState(), HybridClock(host: "a"))
    let old = Deployment(name: "old", timestamp: stamp(5), spec: spec())
    _ = state.apply(StateDelta(deployments: [old]), at: day, clock: &clock)
    _ = try state.deploy("z", spec("a", route: route("/z")), at: wrong, clock: &clock)
    _ = try state.deploy("b", spec("b", route: route("/b")), at: wrong, clock: &clock)
    _ = state.publish(record("a"), epoch: wrong.milliseconds)

    var (other, otherClock) = (ReplicatedState(), HybridClock(host: "b"))
    var change = other.apply(state.snapshot, at: day, clock: &otherClock)
    #expect(change.refusals.count == 3)
    let epoch = state.amendTimes(at: day, clock: &clock)
    #expect(epoch == day.milliseconds && state.hosts["a"]?.version.epoch == epoch)
    change = other.apply(state.snapshot, at: day, clock: &otherClock)
    #expect(change.refusals.isEmpty && other == state)
    let (first, second) = try (#require(state.deployments["z"]), #require(state.deployments["b"]))
    #expect(first.timestamp < second.timestamp && second.timestamp.time == old.timestamp.time)

    let again = state.amendTimes(at: day, clock: &clock)
    #expect(again == nil, "there is nothing more")
    let isNews = state.publish(record("a"), epoch: day.milliseconds)
    #expect(!isNews)
    let next = clock.tick(at: day.advanced(byMilliseconds: 10))
    #expect(next == stamp(10) && next > second.timestamp)
}
