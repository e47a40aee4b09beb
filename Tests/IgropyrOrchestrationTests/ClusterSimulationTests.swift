import IgropyrGossip
import IgropyrSimulation
import Testing

/// More of it: `swift run -c release MembershipSimulation cluster --seeds 10000`.
@Suite(.timeLimit(.minutes(10))) struct ClusterSimulationTests {
    private static var scenario: ClusterScenario {
        var scenario = ClusterScenario(settings: GossipProfile.fast.settings)
        scenario.network.loss = 0.1
        scenario.faults = ClusterScenario.troubles
        scenario.duration = .seconds(40)
        scenario.operationInterval = .seconds(4)
        return scenario
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func `after all troubles everything runs that was asked for, once`(
        seed: UInt64
    ) throws {
        let report = try Self.scenario.run(seed: seed)
        #expect(report.flaw == nil, "seed \(seed)")
        #expect(report.deployments > 5 && report.workerDeaths > 0)
    }

    @Test func `a seed repeats a run exactly`() throws {
        var scenario = Self.scenario
        scenario.duration = .seconds(15)
        #expect(try scenario.run(seed: 7) == scenario.run(seed: 7))
        #expect(try scenario.run(seed: 7) != scenario.run(seed: 8))
    }

    @Test func `a cluster that has had no time to come right is said not to be`() throws {
        var scenario = Self.scenario
        (scenario.duration, scenario.patience) = (.seconds(10), .zero)
        let report = try scenario.run(seed: 1)
        #expect(report.convergence == nil && report.flaw != nil)
    }
}
