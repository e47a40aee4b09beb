import IgropyrGossip
import IgropyrSimulation
import IgropyrTime
import Testing

/// Whole clusters, by seed. What fails here is repeated by the command that it prints.
@Suite struct ScenarioTests {
    private func scenario(_ members: Int, loss: Double = 0, settings: GossipSettings = .fast) -> Scenario {
        var scenario = Scenario(members: members, settings: settings)
        scenario.network.loss = loss
        scenario.warmUp = .seconds(30)
        return scenario
    }

    // MARK: - The simulator

    @Test func `a seed repeats a run, another one does not`() throws {
        var scenario = scenario(6, loss: 0.1)
        scenario.network.duplication = 0.02
        scenario.network.reordering = 0.02
        scenario.faults = Self.everything
        let digests = try [5, 5, 6].map { try scenario.run(seed: $0, for: .seconds(40)).digest }
        #expect(digests[0] == digests[1] && digests[0] != digests[2])
    }

    @Test func `what comes to a frozen host waits, as far as its socket goes`() throws {
        let simulation = Simulation(seed: 1)
        simulation.settings = .lan
        simulation.network.socketBufferBytes = 30_000
        try simulation.startCluster(5)
        simulation.runUntilOneView(for: .seconds(60))
        simulation.pause(1, for: .seconds(4))
        let before = simulation.hosts[1].gossip.counters.datagramsReceived
        simulation.run(for: .milliseconds(3_999))
        #expect(simulation.hosts[1].gossip.counters.datagramsReceived == before)
        #expect(simulation.hosts[1].overflows == 0)
        simulation.run(for: .milliseconds(2))
        let waited = simulation.hosts[1].gossip.counters.datagramsReceived - before
        #expect((2...50).contains(waited), "\(waited) datagrams: at most 30000 bytes at 576 and more each")
        simulation.network.socketBufferBytes = 1_000
        simulation.pause(1, for: .seconds(4))
        simulation.run(for: .seconds(4))
        #expect(simulation.hosts[1].overflows > 0)
    }

    @Test func `TCP is late where segments are lost, not lossless`() throws {
        var slowest = Duration.zero
        for seed in UInt64(1)...20 {
            let simulation = Simulation(seed: seed)
            simulation.network.loss = 0.4
            try simulation.startCluster(2)
            let start = simulation.now
            simulation.run(for: .seconds(10)) {
                $0.hosts[1].log.contains { if case .didJoin = $0 { true } else { false } }
            }
            slowest = max(slowest, start.duration(to: simulation.now))
        }
        #expect(slowest >= .seconds(1), "a lost SYN goes out again after a second")
    }

    @Test func `a leap of a clock harms nobody who doubts itself`() throws {
        for (settings, isHarmful) in [(GossipSettings.fast, false), (.lan, true)] {
            var failures = 0
            for seed in UInt64(1)...3 {
                let simulation = try scenario(5, loss: 0.2, settings: settings).makeCluster(seed: seed)
                simulation.powerOff(4)
                // Now somebody is suspect, so that there is something to misjudge.
                simulation.run(for: .milliseconds(4_500))
                for _ in 0..<20 {
                    simulation.jumpClock(0, by: .seconds(60))
                    simulation.run(for: .seconds(1))
                }
                failures += simulation.declarations.count { $0.verdict == .ofHealthy && $0.subject != 4 }
            }
            #expect((failures > 0) == isHarmful, "\(failures) healthy members declared failed")
        }
    }

    // MARK: - Bars of docs/membership.md, on few seeds

    @Test(arguments: [2, 3, 5, 10]) func `a host without power is failed for all within two seconds`(
        members: Int
    ) throws {
        let times = try (UInt64(1)...4).map { try scenario(members).detection(seed: $0) }
        let distribution = Distribution(times.compactMap { $0 })
        #expect(distribution.count == times.count)
        #expect(try #require(distribution.percentile(0.5)) <= .milliseconds(1_200))
        #expect(try #require(distribution.longest) <= .seconds(2))
    }

    @Test(arguments: [2, 3, 10, 16]) func `a process that ends is failed for all within 50 ms, by its links`(
        members: Int
    ) throws {
        let times = try (UInt64(1)...4).map { try scenario(members).death(seed: $0) }
        #expect(times.allSatisfy { ($0 ?? .seconds(300)) <= .milliseconds(50) }, "\(times)")
    }

    @Test func `halves that find each other again are one within five seconds`() throws {
        for seed in UInt64(1)...2 {
            let time = try scenario(10).healing(seed: seed)
            #expect(try #require(time, "seed \(seed)") <= .seconds(5))
        }
    }

    @Test func `a newcomer is known to all within a second`() throws {
        for seed in UInt64(1)...2 {
            let time = try scenario(10).joining(seed: seed)
            #expect(try #require(time, "seed \(seed)") <= .seconds(1))
        }
    }

    @Test func `an idle member of ten sends and receives less than 2 KB a second`() throws {
        var scenario = scenario(10)
        scenario.isEncrypted = true
        let report = try scenario.run(seed: 1, for: .seconds(60))
        let bytes = report.bytesSentPerSecond + report.bytesReceivedPerSecond
        #expect((500...2_000).contains(bytes), "\(bytes)")
    }

    @Test(arguments: UInt64(1)...2) func `a fifth of all datagrams lost and a host that freezes harm no other`(
        seed: UInt64
    ) throws {
        var scenario = scenario(5, loss: 0.2)
        scenario.faults = [
            Fault(.pause, members: .count(1), every: .seconds(60), for: .milliseconds(500)...(.seconds(20))),
            Fault(.starve, members: .count(1), every: .seconds(60), for: .seconds(5)...(.seconds(20))),
        ]
        let report = try scenario.run(seed: seed, for: .seconds(300))
        #expect(report.isGood && report.rightDeclarations > 0, "seed \(seed): \(report)")
    }

    /// All that the simulator can do to a cluster, at once.
    static let everything: [Fault] = [
        Fault(.pause, members: .count(1), every: .seconds(40), for: .milliseconds(100)...(.seconds(15))),
        Fault(.starve, members: .count(1), every: .seconds(60), for: .seconds(1)...(.seconds(20))),
        Fault(.restart, members: .count(1), every: .seconds(60), for: .seconds(1)...(.seconds(40))),
        Fault(.jump, members: .count(1), every: .seconds(60), for: .milliseconds(100)...(.seconds(600))),
        Fault(.partition, members: .count(2), every: .seconds(90), for: .seconds(1)...(.seconds(40))),
    ]

    @Test(arguments: [GossipProfile.fast, .lan], UInt64(1)...4)
    func `whatever happens, all agree in the end`(profile: GossipProfile, seed: UInt64) throws {
        var scenario = scenario(2 + Int(seed), loss: 0.05, settings: profile.settings)
        scenario.network.duplication = 0.02
        scenario.network.reordering = 0.02
        scenario.faults = Self.everything
        scenario.warmUp = .seconds(10)
        let report = try scenario.run(seed: seed, for: .seconds(60))
        #expect(report.convergence != nil, "seed \(seed): \(report)")
    }
}
