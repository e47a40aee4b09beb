public import IgropyrGossip

/// A cluster that runs applications, its troubles, and what its operators do. The same scenario with the same seed
/// gives the same run.
public struct ClusterScenario: Sendable {
    public var hosts = 5
    public var settings: GossipSettings
    public var network = Network()
    /// What befalls hosts. One that loses its power has its data when it is back, and none of its workers.
    public var faults: [Fault] = []
    /// From a worker's being ready to its sudden death, on average; nil: they live.
    public var workerLife: Duration? = .seconds(60)
    /// Between two acts of an operator, on average, at a host that runs.
    public var operationInterval = Duration.seconds(8)
    /// How long hosts fail and operators act.
    public var duration = Duration.seconds(60)
    /// How long the cluster has, after that, to be as it should.
    public var patience = Duration.seconds(300)

    public init(settings: GossipSettings) { self.settings = settings }

    /// Some of each kind, so that mostly something is wrong.
    public static let troubles = [
        Fault(.pause, members: .count(1), every: .seconds(20), for: .milliseconds(500)...(.seconds(8))),
        Fault(.partition, members: .count(2), every: .seconds(30), for: .seconds(1)...(.seconds(15))),
        Fault(.restart, members: .count(2), every: .seconds(25), for: .milliseconds(500)...(.seconds(10))),
        Fault(.jump, members: .count(1), every: .seconds(30), for: .seconds(1)...(.seconds(60))),
    ]
}

/// What came of one run.
public struct ClusterReport: Sendable, Hashable {
    public let seed: UInt64
    /// Of all that happened: equal for equal runs.
    public let digest: UInt64
    public let deployments: Int
    public let rollbacks: Int
    public let workerDeaths: Int
    /// From the end of all troubles until everything was as it should be; nil: it never was.
    public let convergence: Duration?
    /// What was still wrong then, for people; nil if nothing was.
    public let flaw: String?
}

extension ClusterScenario {
    public func run(seed: UInt64) throws -> ClusterReport {
        let cluster = try ClusterSimulation(self, seed: seed)
        try cluster.deployFirst()
        cluster.live(for: .seconds(10), withOperators: false)
        cluster.membership.startFaults(faults)
        cluster.live(for: duration, withOperators: true)
        try cluster.membership.stopFaults()
        cluster.endDrains()
        let convergence = cluster.converge(within: patience)
        return ClusterReport(
            seed: seed, digest: cluster.digest, deployments: cluster.deployments,
            rollbacks: cluster.hosts.reduce(0) { $0 + $1.rollbacks }, workerDeaths: cluster.workerDeaths,
            convergence: convergence, flaw: convergence == nil ? cluster.flaw : nil)
    }
}
