import IgropyrOrchestration
import IgropyrTime
import Testing

@Test func `a host that fails keeps its places for a second, and not again before it was back`() {
    var absences = Absences()
    func hosts(_ alive: Set<HostName>, _ failed: Set<HostName>, _ milliseconds: Int64) -> Set<HostName> {
        absences.hosts(alive: alive, failed: failed, at: .milliseconds(milliseconds))
    }
    #expect(hosts(["a", "b"], [], 0) == ["a", "b"])
    #expect(hosts(["a"], ["b"], 5000) == ["a", "b"])
    #expect(absences.deadline == .milliseconds(6000))
    #expect(hosts(["a"], ["b"], 5999) == ["a", "b"])
    #expect(hosts(["a"], ["b"], 6000) == ["a"])
    #expect(hosts(["a"], ["b"], 6001) == ["a"] && absences.deadline == nil)
    #expect(hosts(["a", "b"], [], 7000) == ["a", "b"])
    #expect(hosts(["a"], ["b"], 7500) == ["a", "b"])
}

@Test func `a host that is back in time was never away`() {
    var absences = Absences()
    for turn in 0..<20 {
        let isAway = turn % 2 == 1
        let hosts = absences.hosts(
            alive: isAway ? ["a"] : ["a", "b"], failed: isAway ? ["b"] : [], at: .milliseconds(Int64(turn) * 900))
        #expect(hosts == ["a", "b"])
    }
}

@Test func `a host that left, or was never there, is not waited for`() {
    var absences = Absences()
    #expect(absences.hosts(alive: ["a", "b"], failed: ["c"], at: .zero) == ["a", "b"])
    #expect(absences.hosts(alive: ["a"], failed: ["c"], at: .zero) == ["a"])
}

@Test func `a cordoned host keeps the workers that it has, and gets no others`() {
    var (state, clock) = (ReplicatedState(), HybridClock(host: "me"))
    var cordoned = record("b", workers: [worker("x"), worker("y", 2, state: .draining)])
    cordoned.isCordoned = true
    _ = state.apply(StateDelta(hosts: [record("a"), cordoned]), at: day, clock: &clock)
    let hosts = state.placementHosts(alive: ["a", "b"])
    func slots(_ scale: DeploymentSpec.Scale) -> [String] {
        let placement = Placement(deployments: ["x": spec(scale: scale), "y": spec(scale: scale)], hosts: hosts)
        return placement.workers.values.flatMap { $0.keys.map(\.id) }.sorted()
    }
    #expect(slots(.perHost(2)) == ["x/a/0", "x/a/1", "x/b/0", "y/a/0", "y/a/1"])
    #expect(slots(.total(3)) == ["x/a/0", "x/a/1", "x/b/0", "y/a/0", "y/a/1", "y/a/2"])
}
