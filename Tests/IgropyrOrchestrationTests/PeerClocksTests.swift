import IgropyrOrchestration
import IgropyrTime
import Testing

private let hour: Int64 = 3_600_000

/// How far the peers' clocks are ahead of ours, in hours; who of them is taken for behind; whether ours is taken for right.
private let clocks: [(leads: [Int64], behind: [HostName], isRight: Bool)] = [
    ([], [], false), ([0], [], true), ([23, -23], [], true), ([-25], [], false), ([25], [], false),
    ([-25, -25], ["b", "c"], false), ([-25, 0], [], true), ([-25, -25, 0], [], false),
    ([-25, -25, -1000], ["b", "c", "d"], false),
    ([25, 25], [], false), ([25, 0], [], true), ([25, -25, 0, 0], [], true),
]

@Test(arguments: clocks) func `a clock is right if it agrees with more than half`(
    leads: [Int64], behind: [HostName], isRight: Bool
) {
    var clocks = PeerClocks()
    for (name, lead) in zip(["b", "c", "d", "e"] as [HostName], leads) {
        clocks.note(day.advanced(byMilliseconds: lead * hour), of: name, at: .seconds(5))
    }
    clocks.note(day.advanced(byMilliseconds: .max), of: "gone", at: .zero)
    clocks.forget(except: ["b", "c", "d", "e"])
    // A minute later all clocks are a minute further.
    let (now, moment) = (day.advanced(byMilliseconds: 60_000), Timestamp.seconds(65))
    #expect(clocks.behind(now, at: moment) == behind)
    #expect(clocks.agree(with: now, at: moment) == isRight)
}

@Test func `a clock that was set right counts at once`() {
    var clocks = PeerClocks()
    for peer in ["b", "c"] as [HostName] { clocks.note(day, of: peer, at: .zero) }
    let wrong = day.advanced(byMilliseconds: 1000 * hour)
    #expect(clocks.behind(wrong, at: .zero) == ["b", "c"] && !clocks.agree(with: wrong, at: .zero))
    #expect(clocks.behind(day, at: .zero) == [] && clocks.agree(with: day, at: .zero))
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
