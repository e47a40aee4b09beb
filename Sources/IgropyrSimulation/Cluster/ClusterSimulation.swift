internal import IgropyrOrchestration
internal import IgropyrTime

/// A whole cluster in virtual time: members that gossip (``Simulation``), each with its copy of the cluster's state,
/// its decisions by the cores that ship, and workers that start, serve, crash and end.
final class ClusterSimulation {
    /// Between two looks at each host.
    static let step = Duration.milliseconds(50)
    /// An arbitrary day in 2025.
    static let day = UnixTime(milliseconds: 1_750_000_000_000)

    let membership: Simulation
    private(set) var hosts: [ClusterHost] = []
    private(set) var deployments = 0
    var workerDeaths = 0
    var random: SplitMix64
    let scenario: ClusterScenario
    private var nextOperation = Timestamp.zero
    /// The latest timestamps of what a host took in and kept.
    private var accepted: [ApplicationName: HybridTimestamp] = [:]
    /// What both had when two hosts last exchanged states: nothing new, nothing to exchange.
    private var exchanged: [Int: (Int, Int)] = [:]

    init(_ scenario: ClusterScenario, seed: UInt64) throws {
        self.scenario = scenario
        var random = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15 ^ 0xC1)
        membership = Simulation(seed: seed)
        membership.network = scenario.network
        membership.settings = scenario.settings
        membership.retriesJoins = true
        membership.keepsLogs = false
        try membership.startCluster(scenario.hosts)
        hosts = try (0..<scenario.hosts).map { index in
            let name = try HostName("m\(index)")
            return ClusterHost(index, name, skew: Int64.random(in: -30_000...30_000, using: &random))
        }
        self.random = random
        membership.onMemberEvent = { [unowned self] observer, _ in hosts[observer].mustLook = true }
        guard membership.runUntilOneView(for: .seconds(600)) else { throw ScenarioError.noConvergence(seed: seed) }
    }

    var now: Timestamp { membership.now }

    /// Of the membership and of every host's state.
    var digest: UInt64 { hosts.reduce(membership.digest) { ($0 ^ $1.digest) &* 0x0000_0100_0000_01B3 } }

    /// Whether it does its work now.
    func isAwake(_ index: Int) -> Bool {
        membership.hosts[index].isRunning && membership.hosts[index].pausedUntil <= now
    }

    // MARK: - Time

    func live(for duration: Duration, withOperators: Bool) {
        let end = now.advanced(by: duration)
        nextOperation = now
        while now < end {
            if withOperators, now >= nextOperation { operate() }
            liveOn()
        }
    }

    /// - Returns: How long it took until ``flaw`` was nil; nil if it never was.
    func converge(within patience: Duration) -> Duration? {
        let begin = now
        while begin.duration(to: now) < patience {
            live(for: .milliseconds(500), withOperators: false)
            if flaw == nil { return begin.duration(to: now) }
        }
        return nil
    }

    private func liveOn() {
        membership.run(for: Self.step)
        for host in hosts where isAwake(host.index) {
            host.live(in: self)
            if let peer = host.choosePeer(in: self) { exchange(host, hosts[peer]) }
        }
    }

    /// As over the control connection: what is lost on the way is repeated, and so is late.
    private func exchange(_ one: ClusterHost, _ other: ClusterHost) {
        guard isAwake(other.index), membership.hosts[one.index].side == membership.hosts[other.index].side,
            Double.random(in: 0..<1, using: &random) >= scenario.network.loss
        else { return }
        let pair = min(one.index, other.index) * hosts.count + max(one.index, other.index)
        let versions = one.index < other.index ? (one.version, other.version) : (other.version, one.version)
        if let last = exchanged[pair], last == versions { return }
        one.take(other.state.delta(for: one.state.digest), at: now)
        other.take(one.state.delta(for: other.state.digest), at: now)
        exchanged[pair] = one.index < other.index ? (one.version, other.version) : (other.version, one.version)
    }

    // MARK: - Operators

    /// What the cluster runs before anything goes wrong.
    func deployFirst() throws {
        for application in SimulatedApplication.all {
            _ = try accept(application, on: hosts[0]) { host, now in
                try host.deploy(application.name, application.spec(of: .good, number: 0), at: now)
            }
        }
    }

    private func operate() {
        let mean = scenario.operationInterval.nanosecondsClamped
        nextOperation = now.advanced(by: .nanoseconds(Int64.random(in: mean / 2...mean * 3 / 2, using: &random)))
        guard let host = hosts.filter({ isAwake($0.index) }).randomElement(using: &random),
            let application = SimulatedApplication.all.randomElement(using: &random)
        else { return }
        let number = deployments + 1
        let act = Int.random(in: 0..<10, using: &random)
        // What a host refuses, as it would tell an operator, changes nothing.
        _ = try? accept(application, on: host) { host, now in
            switch act {
            case 0...3: return try host.deploy(application.name, application.spec(of: .good, number: number), at: now)
            case 4: return try host.deploy(application.name, application.spec(of: .exits, number: number), at: now)
            case 5: return try host.deploy(application.name, application.spec(of: .crashes, number: number), at: now)
            case 6: return try host.change(application.name, .rollback(to: nil), at: now)
            case 7: return try host.change(application.name, .restart, at: now)
            case 8: return try host.change(application.name, .scale(to: application.scale(number)), at: now)
            default:
                host.isDraining.toggle()
                return nil
            }
        }
    }

    private func accept(
        _ application: SimulatedApplication, on host: ClusterHost,
        _ act: (ClusterHost, Timestamp) throws -> Deployment?
    ) throws {
        guard let deployment = try act(host, now) else { return }
        deployments += 1
        accepted[application.name] = max(accepted[application.name] ?? deployment.timestamp, deployment.timestamp)
    }

    func endDrains() { for host in hosts { host.isDraining = false } }

    // MARK: - How it should be

    /// What is not as it should be when all troubles are over; nil if nothing is.
    var flaw: String? {
        guard membership.hasOneView else { return "the members do not agree who is alive" }
        let state = hosts[0].state
        for host in hosts.dropFirst() where host.state != state { return "\(host.name) has another state than m0" }
        for (name, timestamp) in accepted {
            guard let deployment = state.deployments[name], deployment.timestamp >= timestamp else {
                return "the deployment \(timestamp) of \(name) is lost"
            }
            guard deployment.progress.isComplete else { return "the rollout of \(name) is not over" }
        }
        let placement = state.placement(alive: Set(hosts.map(\.name)))
        return hosts.lazy.compactMap { $0.flaw(wanting: placement.workers[$0.name] ?? [:]) }.first
    }
}
