public import IgropyrGossip
internal import IgropyrTime

/// A cluster to be simulated, and its troubles. The same scenario with the same seed gives the same run.
public struct Scenario: Sendable {
    public var members: Int
    public var settings: GossipSettings
    public var network = Network()
    public var faults: [Fault] = []
    /// With a key of 32 bytes.
    public var isEncrypted = false
    /// What the members do after they have found each other, before anything is measured.
    public var warmUp = Duration.seconds(60)

    public init(members: Int, settings: GossipSettings) {
        self.members = members
        self.settings = settings
    }

    /// A cluster whose members know each other and are warm.
    /// - Throws: ``ScenarioError/noConvergence(seed:)`` if they do not find each other within ten minutes.
    public func makeCluster(seed: UInt64) throws -> Simulation {
        let simulation = Simulation(seed: seed)
        simulation.network = network
        simulation.settings = settings
        simulation.keys = isEncrypted ? [[UInt8](repeating: 7, count: 32)] : []
        simulation.keepsLogs = false
        simulation.retriesJoins = true
        if members <= Self.joiningLimit {
            try simulation.startCluster(members)
        } else {
            try simulation.startAcquaintedCluster(members)
        }
        guard simulation.runUntilOneView(for: .seconds(600)) else { throw ScenarioError.noConvergence(seed: seed) }
        let wait = simulation.random.duration(in: .zero...Self.phase)  // So that nothing is in step with what follows.
        simulation.run(for: warmUp + wait)
        simulation.hosts.indices.forEach { simulation.hosts[$0].traffic = Traffic() }
        return simulation
    }

    /// Larger clusters need not join.
    private static let joiningLimit = 64
    private static let phase = Duration.seconds(10)
}

public enum ScenarioError: Error, Hashable, Sendable, CustomStringConvertible {
    case noConvergence(seed: UInt64)

    public var description: String {
        switch self {
        case .noConvergence(let seed):
            "with seed \(seed) the members did not find each other within ten minutes: is --loss too high?"
        }
    }
}

extension Simulation {
    /// Looked at every tenth of a second. Returns whether all hold the same for alive.
    @discardableResult
    public func runUntilOneView(for limit: Duration) -> Bool {
        let end = now.advanced(by: limit)
        while !hasOneView {
            guard now < end else { return false }
            run(for: .milliseconds(100))
        }
        return true
    }
}
