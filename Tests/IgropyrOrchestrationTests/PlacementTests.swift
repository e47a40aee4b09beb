import IgropyrOrchestration
import TestSupport
import Testing

private func hosts(_ count: Int, capacity: (Int) -> UInt16 = { _ in 4 }) -> [Placement.Host] {
    (0..<count).map { host(HostName(rawValue: "h\($0)")!, capacity: capacity($0)) }
}

private func slots(_ placement: Placement) -> Set<WorkerSlot> { Set(placement.workers.values.flatMap(\.keys)) }

@Test func `a count per host runs on each eligible host`() {
    let placement = Placement(
        deployments: ["web": spec(scale: .perHost(2), constraints: ["zone": "b", "ssd": "yes"])],
        hosts: [
            host("a", tags: ["zone": "b", "ssd": "yes", "more": "x"]), host("b", tags: ["zone": "b"]),
            host("c", tags: ["zone": "c", "ssd": "yes"]), host("d", capacity: 0, tags: ["zone": "b", "ssd": "yes"]),
        ])
    #expect(slots(placement).map(\.id).sorted() == ["web/a/0", "web/a/1"])
    #expect(placement.workers["a"]?.values.allSatisfy { $0 == spec().worker } == true)
    #expect(placement.shortfalls.isEmpty)
}

@Test func `one per core runs as many as each host has cores`() {
    let hosts = [("a", 2), ("b", 64), ("c", 0)].map { name, cores in
        Placement.Host(name: HostName(rawValue: name)!, capacity: 4, cores: UInt16(cores))
    }
    let placement = Placement(deployments: ["web": spec(scale: .perCore)], hosts: hosts)
    #expect(placement.workers.mapValues(\.count) == ["a": 2, "b": 64])
}

@Test(arguments: 1...9) func `of a total, the hosts with the most preferred tags get the first workers`(total: Int) {
    var wanted = spec(scale: .total(total))
    wanted.preferences = ["disk": "ssd", "zone": "b"]
    let hosts = [
        host("both", tags: ["disk": "ssd", "zone": "b"]), host("disk", tags: ["disk": "ssd", "zone": "a"]),
        host("zone", tags: ["zone": "b"]), host("none", tags: ["disk": "hdd"]), host("void"),
    ]
    for application in ["x", "shop", "api"] as [ApplicationName] {
        let placement = Placement(deployments: [application: wanted], hosts: hosts)
        let counts = hosts.map { placement.workers[$0.name]?.count ?? 0 }
        #expect(counts.reduce(0, +) == total)
        #expect(counts[0] >= 1 && (counts[3] + counts[4] == 0 || counts[1] >= 1 && counts[2] >= 1), "\(counts)")
        if total >= 5 { #expect(counts.allSatisfy { $0 >= 1 }, "\(counts)") }
    }
}

@Test func `of a total, hosts that have no program for their machine get nothing, unless none has`() {
    let all = ["a", "b", "c"].map { host(HostName(rawValue: $0)!) }
    let placement = { (scale: DeploymentSpec.Scale, misfits: Set<HostName>) in
        var all = all
        for index in all.indices where misfits.contains(all[index].name) { all[index].misfits = [.of("a")] }
        return Placement(deployments: ["x": spec("a", scale: scale), "y": spec("b", scale: scale)], hosts: all)
            .workers.mapValues { $0.keys.map(\.application).sorted() }
    }
    #expect(placement(.total(3), ["b"]).values.flatMap(\.self).count { $0 == "x" } == 3)
    #expect(placement(.total(3), ["b"])["b"] == ["y"])
    #expect(placement(.total(3), ["a", "b", "c"]) == placement(.total(3), []))
    #expect(placement(.perHost(1), ["b"]) == placement(.perHost(1), []), "their records say why nothing runs there")
}

@Test func `the order of hosts does not matter`() {
    let deployments: [ApplicationName: DeploymentSpec] = ["x": spec(scale: .total(17)), "y": spec(scale: .perHost(2))]
    var generator = SplitMix(seed: 3)
    let all = hosts(9) { UInt16($0 % 3 + 1) }
    let placement = Placement(deployments: deployments, hosts: all)
    for _ in 0..<5 { #expect(Placement(deployments: deployments, hosts: all.shuffled(using: &generator)) == placement) }
}

@Test(arguments: [0, 1, 2, 5, 6, 7, 20, 100]) func `a total spreads over hosts first, then evenly`(total: Int) {
    for application in ["x", "shop", "api"] as [ApplicationName] {
        let placement = Placement(deployments: [application: spec(scale: .total(total))], hosts: hosts(6))
        let counts = placement.workers.values.map(\.count)
        #expect(counts.reduce(0, +) == total)
        #expect((counts.max() ?? 0) <= (total + 5) / 6 + (total > 6 ? 1 : 0), "\(application): \(counts)")
        #expect(counts.count == min(total, 6))
    }
}

@Test func `beyond one each, a total goes by capacity`() {
    let all = hosts(4) { [2, 4, 8, 16][$0] }
    let placement = Placement(deployments: ["x": spec(scale: .total(300))], hosts: all)
    for each in all {
        let count = placement.workers[each.name]?.count ?? 0
        #expect(abs(count - 10 * Int(each.capacity)) <= 2, "\(each.name): \(count)")
    }
}

@Test func `a few workers fall on hosts in proportion to capacity`() {
    var counts: [HostName: Int] = [:]
    for index in 0..<2000 {
        let name = ApplicationName(rawValue: "app-\(index)")!
        let placement = Placement(
            deployments: [name: spec(scale: .total(1))],
            hosts: [host("small", capacity: 1), host("large", capacity: 3)])
        for host in placement.workers.keys { counts[host, default: 0] += 1 }
    }
    #expect((420...580).contains(counts["small"] ?? 0), "\(counts)")
}

@Test(arguments: [1, 3, 7, 8, 9, 30, 100]) func `a host that comes or goes moves its own share and nothing else`(
    total: Int
) {
    for seed in 0..<20 {
        let name = ApplicationName(rawValue: "app-\(seed)")!
        let all = hosts(8) { UInt16($0 * 3 % 7 + 1) }
        let before = slots(Placement(deployments: [name: spec(scale: .total(total))], hosts: all))
        for lost in all {
            let after = slots(
                Placement(deployments: [name: spec(scale: .total(total))], hosts: all.filter { $0 != lost }))
            let freed = before.filter { $0.host == lost.name }
            #expect(before.subtracting(after) == freed, "only the lost host's workers end")
            #expect(after.subtracting(before).count == freed.count, "as many start elsewhere")
            #expect(after.count == total)
        }
    }
}

@Test func `a total that grows by one adds one worker and keeps the others`() {
    var before: Set<WorkerSlot> = []
    for total in 1...40 {
        let after = slots(Placement(deployments: ["x": spec(scale: .total(total))], hosts: hosts(5) { UInt16($0 + 1) }))
        #expect(after.isSuperset(of: before) && after.count == total)
        before = after
    }
}

@Test func `indices on a host count from zero without gaps`() {
    let placement = Placement(deployments: ["x": spec(scale: .total(23))], hosts: hosts(4) { UInt16($0 + 1) })
    for slots in placement.workers.values { #expect(slots.keys.map(\.index).sorted() == Array(0..<slots.count)) }
}

@Test func `what cannot be placed is said`() {
    let placement = Placement(
        deployments: [
            "a": spec(scale: .perHost(700)), "b": spec(scale: .perHost(400)), "c": spec(constraints: ["gpu": "yes"]),
        ], hosts: hosts(2))
    #expect(placement.shortfalls == ["b": .hostsFull(missing: 200), "c": .noHostWithTags(["gpu": "yes"])])
    #expect(placement.workers["h0"]?.count == 1000)
}

@Test func `who wants no workers lacks none, and without hosts no tag is to blame`() {
    let deployments: [ApplicationName: DeploymentSpec] = [
        "none": spec(scale: .total(0)), "zero": spec(scale: .perHost(0)), "any": spec(),
        "gpu": spec(constraints: ["gpu": "yes"]),
    ]
    let alone = Placement(deployments: deployments, hosts: [host("idle", capacity: 0)])
    #expect(alone.shortfalls == ["any": .noHost, "gpu": .noHost])
    let together = Placement(deployments: deployments, hosts: hosts(1))
    #expect(together.shortfalls == ["gpu": .noHostWithTags(["gpu": "yes"])])
}

@Test func `what cordoned hosts do not take is missing from a total, and from all hosts`() {
    var closed = host("closed")
    closed.present = ["x": 1]
    let shortfalls = { (scale: DeploymentSpec.Scale, others: [Placement.Host]) in
        Placement(deployments: ["x": spec(scale: scale), "y": spec(scale: scale)], hosts: [closed] + others).shortfalls
    }
    #expect(shortfalls(.total(3), []) == ["x": .hostsCordoned(missing: 2), "y": .hostsCordoned(missing: 3)])
    #expect(shortfalls(.total(3), [host("open")]).isEmpty)
    #expect(shortfalls(.perHost(2), []) == ["y": .hostsCordoned(missing: 2)])
    #expect(shortfalls(.perHost(2), [host("open")]).isEmpty)
}

@Test func `hosts that are dead, draining or unheard of get nothing`() {
    var (state, clock) = (ReplicatedState(), HybridClock(host: "me"))
    var draining = record("b")
    draining.isDraining = true
    _ = state.apply(StateDelta(hosts: [record("a"), draining, record("c")]), at: day, clock: &clock)
    #expect(state.placementHosts(alive: ["a", "b", "d"]).map(\.name) == ["a"])
}

@Test func `an application moves until each of its places serves`() {
    let deployments: [ApplicationName: DeploymentSpec] = ["x": spec(), "y": spec(scale: .perHost(2))]
    let placement = Placement(deployments: deployments, hosts: [host("a"), host("b")])
    var state = ReplicatedState()
    func tell(_ name: HostName, _ workers: [WorkerRecord]) {
        _ = state.publish(record(name, workers: workers), epoch: 1)
    }
    tell("a", [worker("x"), worker("y"), worker("y", 1)])
    #expect(placement.moving(in: state) == ["x", "y"])
    tell("b", [worker("x"), worker("y"), worker("y", 1, state: .starting)])
    #expect(placement.moving(in: state) == ["y"])
    tell("b", [worker("x"), worker("y"), worker("y", 1)])
    #expect(placement.moving(in: state).isEmpty)
}

@Test func `nobody waits for an application to move to a host that it has no program for`() {
    let deployments: [ApplicationName: DeploymentSpec] = ["x": spec("a"), "y": spec("b")]
    let placement = Placement(deployments: deployments, hosts: [host("a")])
    var state = ReplicatedState()
    var misfit = record("a")
    misfit.misfits = [.of("b")]
    _ = state.publish(misfit, epoch: 1)
    #expect(placement.moving(in: state) == ["x"])
}
