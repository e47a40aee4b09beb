import IgropyrSimulation
import Testing

@testable import IgropyrGossip

@Suite struct SimulationTests {
    private static let seeds: [UInt64] = [1, 2, 3]

    private func everybody(_ status: Member.Status, is name: String, at indices: [Int]) -> (Simulation) -> Bool {
        { simulation in indices.allSatisfy { simulation.status(of: name, at: $0) == status } }
    }

    private func isComplete(_ count: Int) -> (Simulation) -> Bool {
        { simulation in
            simulation.hosts.allSatisfy { $0.gossip.members.count { $0.status == .alive } == count }
        }
    }

    @Test(arguments: seeds, [3, 10]) func `members that join see each other, once`(seed: UInt64, count: Int) throws {
        let simulation = Simulation(seed: seed)
        simulation.network.loss = 0.10
        try simulation.startCluster(count)
        #expect(simulation.run(for: .seconds(45), until: isComplete(count)), "the push/pull at 30 s mends losses")
        _ = simulation.run(for: .seconds(60))
        for index in 0..<count {
            let joined = simulation.memberEvents(at: index).filter { $0.kind == .joined }.map(\.member.name)
            #expect(joined.count == count - 1 && Set(joined).count == count - 1, "seed \(seed)")
            #expect(simulation.memberEvents(at: index).allSatisfy { $0.kind == .joined }, "nobody fails: seed \(seed)")
        }
    }

    @Test(arguments: seeds) func `a dead member is failed for all`(seed: UInt64) throws {
        let simulation = Simulation(seed: seed)
        try simulation.startCluster(5)
        #expect(simulation.run(for: .seconds(10), until: isComplete(5)))
        simulation.powerOff(2)
        #expect(simulation.run(for: .seconds(40), until: everybody(.failed, is: "m2", at: [0, 1, 3, 4])))
        for index in [0, 1, 3, 4] {
            #expect(simulation.memberEvents(at: index).filter { $0.kind != .joined }.map(\.kind) == [.failed])
        }
    }

    @Test func `forty members lose three at once and nobody else`() throws {
        let simulation = Simulation(seed: 12)
        simulation.network.loss = 0.05
        for index in 0..<40 {
            try simulation.start("n\(index)")
            if index > 0 { simulation.join(index, by: 0) }
        }
        #expect(simulation.run(for: .seconds(45), until: isComplete(40)))
        for index in [3, 17, 39] { simulation.powerOff(index) }
        let survivors = (0..<39).filter { $0 != 3 && $0 != 17 }
        for name in ["n3", "n17", "n39"] {
            #expect(simulation.run(for: .seconds(60), until: everybody(.failed, is: name, at: survivors)))
        }
        _ = simulation.run(for: .seconds(10))
        for index in survivors {
            let failed = simulation.memberEvents(at: index).filter { $0.kind == .failed }.map(\.member.name)
            #expect(failed.sorted() == ["n17", "n3", "n39"])
        }
    }

    @Test func `two members notice each other's death in four seconds and a probe`() throws {
        let simulation = Simulation(seed: 7)
        try simulation.startCluster(2)
        #expect(simulation.run(for: .seconds(5), until: isComplete(2)))
        simulation.powerOff(1)
        #expect(simulation.run(for: .milliseconds(6_500), until: everybody(.failed, is: "m1", at: [0])))
    }

    @Test(arguments: seeds) func `one that leaves has left, for all`(seed: UInt64) throws {
        let simulation = Simulation(seed: seed)
        try simulation.startCluster(5)
        #expect(simulation.run(for: .seconds(10), until: isComplete(5)))
        simulation.command(3) { $0.leave(at: $1) }
        let hasLeft = { (simulation: Simulation) in
            simulation.hosts[3].log.contains { if case .leaveCompleted = $0 { true } else { false } }
        }
        #expect(simulation.run(for: .seconds(11), until: hasLeft))
        #expect(everybody(.left, is: "m3", at: [0, 1, 2, 4])(simulation))
        simulation.powerOff(3)
        _ = simulation.run(for: .seconds(60))
        for index in [0, 1, 2, 4] {
            #expect(
                simulation.memberEvents(at: index).filter { $0.kind != .joined }.map(\.kind) == [.left], "seed \(seed)")
        }
        try simulation.restart(3)
        simulation.join(3, by: 0)
        #expect(simulation.run(for: .seconds(10), until: isComplete(5)), "back: seed \(seed)")
    }

    /// Half a minute after the leave: some have forgotten it, others hold it against the new life.
    @Test(arguments: seeds, 30...36)
    func `one that left and comes back with a higher incarnation stays alive`(seed: UInt64, seconds: Int) throws {
        let simulation = Simulation(seed: seed)
        try simulation.startCluster(5)
        #expect(simulation.run(for: .seconds(10), until: isComplete(5)))
        simulation.command(3) { $0.leave(at: $1) }
        #expect(simulation.run(for: .seconds(10), until: everybody(.left, is: "m3", at: [0, 1, 2, 4])))
        simulation.powerOff(3)
        _ = simulation.run(for: .seconds(seconds))
        try simulation.restart(3, incarnation: 1000)
        simulation.join(3, by: 0)
        #expect(simulation.run(for: .seconds(10), until: isComplete(5)))
        _ = simulation.run(for: .seconds(60))
        for index in [0, 1, 2, 4] {
            let kinds = simulation.memberEvents(at: index).filter { $0.member.name == "m3" }.map(\.kind)
            #expect(kinds == [.joined, .left, .joined], "host \(index)")
        }
    }

    @Test(arguments: seeds) func `a short pause is refuted`(seed: UInt64) throws {
        let simulation = Simulation(seed: seed)
        try simulation.startCluster(5)
        #expect(simulation.run(for: .seconds(10), until: isComplete(5)))
        simulation.pause(1, for: .seconds(5))
        _ = simulation.run(for: .seconds(60))
        #expect(isComplete(5)(simulation))
        #expect(simulation.hosts[1].gossip.counters.refutations > 0, "it was suspected: seed \(seed)")
        for index in 0..<5 {
            #expect(simulation.memberEvents(at: index).allSatisfy { $0.kind == .joined }, "seed \(seed)")
        }
    }

    @Test(arguments: seeds) func `a restart overtakes its own past`(seed: UInt64) throws {
        let simulation = Simulation(seed: seed)
        try simulation.startCluster(4)
        #expect(simulation.run(for: .seconds(10), until: isComplete(4)))
        try simulation.restart(2, tags: ["life": "second"])
        simulation.join(2, by: 0)
        let isKnown = { (simulation: Simulation) in
            simulation.hosts.allSatisfy { $0.gossip.member(named: "m2")?.tags == ["life": "second"] }
        }
        #expect(simulation.run(for: .seconds(10), until: isKnown), "seed \(seed)")
        #expect(isComplete(4)(simulation))
    }

    @Test func `a failed member comes back by itself when it is reachable again`() throws {
        let simulation = Simulation(seed: 5)
        try simulation.startCluster(3)
        #expect(simulation.run(for: .seconds(10), until: isComplete(3)))
        simulation.pause(2, for: .seconds(40))
        #expect(simulation.run(for: .seconds(39), until: everybody(.failed, is: "m2", at: [0, 1])))
        #expect(simulation.run(for: .seconds(120), until: isComplete(3)))
    }

    @Test func `tags reach everybody`() throws {
        let simulation = Simulation(seed: 6)
        try simulation.startCluster(4)
        #expect(simulation.run(for: .seconds(10), until: isComplete(4)))
        try simulation.command(0) { try $0.updateTags(["role": "web"], at: $1) }
        let isKnown = { (simulation: Simulation) in
            simulation.hosts.allSatisfy { $0.gossip.member(named: "m0")?.tags == ["role": "web"] }
        }
        #expect(simulation.run(for: .seconds(5), until: isKnown))
        _ = simulation.run(for: .seconds(60))
        #expect(simulation.memberEvents(at: 1).filter { $0.kind == .updated }.count == 1)
    }

    @Test(arguments: seeds) func `a user event arrives once everywhere, and not at who joins later`(seed: UInt64) throws
    {
        let simulation = Simulation(seed: seed)
        simulation.network.loss = 0.10
        try simulation.startCluster(6)
        #expect(simulation.run(for: .seconds(10), until: isComplete(6)))
        try simulation.command(0) { try $0.sendUserEvent("deploy", payload: [1, 2], at: $1) }
        _ = simulation.run(for: .seconds(60))
        let late = try simulation.start("late")
        simulation.join(late, by: 0)
        _ = simulation.run(for: .seconds(60))
        let counts = simulation.hosts.map { host in
            host.log.count { if case .userEvent(let event) = $0 { event.name == "deploy" } else { false } }
        }
        #expect(counts == [1, 1, 1, 1, 1, 1, 0], "seed \(seed)")
    }

    @Test func `a query is acknowledged by all and answered by those asked`() throws {
        let simulation = Simulation(seed: 8)
        try simulation.startCluster(4)
        #expect(simulation.run(for: .seconds(10), until: isComplete(4)))
        try simulation.command(0) { try $0.query("load", to: ["m1", "m3"], at: $1).directives }
        for _ in 0..<400 {
            _ = simulation.run(for: .milliseconds(20))
            for index in 0..<4 {
                for case .query(let query) in simulation.hosts[index].log where query.deadline > simulation.now {
                    simulation.command(index) { (try? $0.respond(to: query.id, with: [UInt8(index)], at: $1)) ?? [] }
                }
            }
        }
        var acks: [String] = []
        var answers: [String: [UInt8]] = [:]
        var isFinished = false
        for directive in simulation.hosts[0].log {
            switch directive {
            case .queryAcked(_, let name): acks.append(name)
            case .queryAnswered(_, let name, let payload): answers[name] = payload
            case .queryFinished: isFinished = true
            default: break
            }
        }
        #expect(acks.sorted() == ["m1", "m3"])
        #expect(answers == ["m1": [1], "m3": [3]])
        #expect(isFinished)
    }

    @Test func `an operator's force-leave ends the search for a failed member`() throws {
        let simulation = Simulation(seed: 9)
        try simulation.startCluster(3)
        #expect(simulation.run(for: .seconds(10), until: isComplete(3)))
        simulation.powerOff(2)
        #expect(simulation.run(for: .seconds(40), until: everybody(.failed, is: "m2", at: [0, 1])))
        try simulation.command(0) { try $0.forceLeave("m2", at: $1) }
        #expect(simulation.run(for: .seconds(5), until: everybody(.left, is: "m2", at: [0, 1])))
    }

    @Test func `a cluster with a key keeps out those without it`() throws {
        let simulation = Simulation(seed: 10)
        simulation.keys = [[UInt8](repeating: 7, count: 32)]
        try simulation.startCluster(3)
        #expect(simulation.run(for: .seconds(10), until: isComplete(3)))
        for keys in [[], [[UInt8](repeating: 8, count: 32)]] {
            simulation.keys = keys
            let stranger = try simulation.start("stranger\(keys.count)")
            simulation.join(stranger, by: 0)
            _ = simulation.run(for: .seconds(5))
            var failure: StreamFailure?
            for case .joinFailed(_, let reason) in simulation.hosts[stranger].log { failure = reason }
            #expect(failure?.isKeyMismatch == true)
        }
        #expect(simulation.hosts[0].gossip.members.count == 3)
    }

    @Test func `the same seed gives the same run`() throws {
        let logs = try (0..<2).map { _ in
            let simulation = Simulation(seed: 11)
            simulation.network.loss = 0.20
            try simulation.startCluster(4)
            _ = simulation.run(for: .seconds(20))
            return simulation.hosts.map { "\($0.log)" }
        }
        #expect(logs[0] == logs[1])
    }
}
