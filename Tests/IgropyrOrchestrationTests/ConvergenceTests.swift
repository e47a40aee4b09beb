import IgropyrOrchestration
import TestSupport
import Testing

/// A cluster in one value: hosts with clocks of their own exchange digests and deltas over a network that loses
/// messages.
private struct Cluster {
    private struct Host {
        var state = ReplicatedState()
        var clock: HybridClock
        /// How wrong its wall clock is.
        var skew: Int64

        mutating func deploy(_ name: ApplicationName, _ digit: Character, at now: UnixTime) {
            _ = try? state.deploy(name, spec(digit, route: route("/\(name)")), at: local(now), clock: &clock)
        }

        mutating func remove(_ name: ApplicationName, at now: UnixTime) {
            _ = try? state.remove(name, at: local(now), clock: &clock)
        }

        mutating func take(_ delta: StateDelta, at now: UnixTime) {
            let change = state.apply(delta, at: local(now), clock: &clock)
            #expect(change.refusals.isEmpty)
        }

        private func local(_ now: UnixTime) -> UnixTime { now.advanced(byMilliseconds: skew) }
    }

    private var hosts: [Host]
    private var generator: SplitMix
    private var now = day
    private let loss: Double

    init(size: Int, loss: Double, seed: UInt64) {
        generator = SplitMix(seed: seed)
        self.loss = loss
        hosts = []
        for index in 0..<size {
            let clock = HybridClock(host: HostName(rawValue: "h\(index)")!)
            hosts.append(Host(clock: clock, skew: .random(in: -60_000...60_000, using: &generator)))
        }
    }

    var hasConverged: Bool { hosts.allSatisfy { $0.state == hosts[0].state } }
    var state: ReplicatedState { hosts[0].state }

    /// One host changes something: deploys, removes, or tells about itself.
    mutating func change() {
        let index = hosts.indices.randomElement(using: &generator)!
        let name = ApplicationName(rawValue: "app-\(Int.random(in: 0..<5, using: &generator))")!
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: hosts[index].deploy(name, "abcdef".randomElement(using: &generator)!, at: now)
        case 1: hosts[index].remove(name, at: now)
        default:
            let port = UInt16.random(in: 1...9, using: &generator)
            _ = hosts[index].state.publish(
                record(hosts[index].clock.host, workers: [worker(name, port: port)]), epoch: day.milliseconds)
        }
    }

    /// One host asks another, gets what it lacks, and sends what the other lacks; each message may be lost.
    mutating func exchange(within part: Range<Int>? = nil) {
        now = now.advanced(byMilliseconds: 100)
        let part = part ?? 0..<hosts.count
        let (a, b) = (Int.random(in: part, using: &generator), Int.random(in: part, using: &generator))
        guard a != b, arrives() else { return }
        let digest = hosts[a].state.digest
        let answer = (delta: hosts[b].state.delta(for: digest, maximumBytes: 4000), digest: hosts[b].state.digest)
        guard arrives() else { return }
        hosts[a].take(answer.delta, at: now)
        let reply = hosts[a].state.delta(for: answer.digest, maximumBytes: 4000)
        if arrives() { hosts[b].take(reply, at: now) }
    }

    private mutating func arrives() -> Bool { Double.random(in: 0..<1, using: &generator) >= loss }
}

@Test(arguments: 0..<20 as Range<UInt64>) func `hosts that exchange at random, with loss and wrong clocks, converge`(
    seed: UInt64
) {
    var cluster = Cluster(size: 9, loss: 0.3, seed: seed)
    for _ in 0..<120 {
        cluster.change()
        cluster.exchange()
    }
    #expect(!cluster.hasConverged, "seed \(seed): there was something to do")
    var rounds = 0
    while !cluster.hasConverged, rounds < 3000 {
        cluster.exchange()
        rounds += 1
    }
    #expect(cluster.hasConverged, "seed \(seed): not after \(rounds) exchanges")
    #expect(!cluster.state.hosts.isEmpty && !cluster.state.deployments.isEmpty)
}

@Test(arguments: 0..<10 as Range<UInt64>) func `both sides of a partition go on, and agree when it heals`(seed: UInt64)
{
    var cluster = Cluster(size: 8, loss: 0.1, seed: seed)
    for turn in 0..<400 {
        if turn % 4 == 0 { cluster.change() }
        cluster.exchange(within: turn % 2 == 0 ? 0..<4 : 4..<8)
    }
    #expect(!cluster.hasConverged)
    for _ in 0..<2000 { cluster.exchange() }
    #expect(cluster.hasConverged, "seed \(seed)")
}
