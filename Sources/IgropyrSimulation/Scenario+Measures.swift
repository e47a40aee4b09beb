internal import IgropyrGossip
internal import IgropyrTime

/// Single questions to a warm cluster. Each answer is a time; nil: not within the limit.
extension Scenario {
    /// From a host's loss of power until every other member has it failed; the limit is five minutes.
    public func detection(seed: UInt64) throws -> Duration? {
        let simulation = try makeCluster(seed: seed)
        let victim = members - 1
        simulation.powerOff(victim)
        return simulation.time(until: members - 1, within: .seconds(300)) { _, event in
            event.kind == .failed && event.member.name == simulation.hosts[victim].gossip.name
        }
    }

    /// From a process's end, on a host whose kernel lives on, until every other member has it failed; the limit is five
    /// minutes.
    public func death(seed: UInt64) throws -> Duration? {
        let simulation = try makeCluster(seed: seed)
        let victim = members - 1
        simulation.killProcess(victim)
        return simulation.time(until: members - 1, within: .seconds(300)) { _, event in
            event.kind == .failed && event.member.name == simulation.hosts[victim].gossip.name
        }
    }

    /// From one more host's call to join until every member knows it, and it everybody; the limit is one minute.
    public func joining(seed: UInt64) throws -> Duration? {
        var scenario = self
        scenario.members -= 1
        let simulation = try scenario.makeCluster(seed: seed)
        let newcomer = try simulation.start("newcomer")
        simulation.join(newcomer, by: Int(simulation.random.next() % UInt64(newcomer)))
        return simulation.time(until: 2 * newcomer, within: .seconds(60)) { observer, event in
            event.kind == .joined && (observer == newcomer || event.member.name == "newcomer")
        }
    }

    /// Two halves that have long given each other up reach each other again: until all hold the same for alive; the
    /// limit is ten minutes.
    public func healing(seed: UInt64) throws -> Duration? {
        let simulation = try makeCluster(seed: seed)
        simulation.cutOff(0..<members / 2)
        let halves = [members / 2, members - members / 2]
        let areApart = { (simulation: Simulation) in
            simulation.hosts.enumerated().allSatisfy { $1.gossip.aliveCount == halves[$0 < halves[0] ? 0 : 1] }
        }
        guard simulation.run(for: .seconds(600), until: areApart) else { throw ScenarioError.noConvergence(seed: seed) }
        simulation.run(for: simulation.random.duration(in: .seconds(60)...(.seconds(90))))
        simulation.heal()
        let start = simulation.now
        guard simulation.run(for: .seconds(600), until: \.hasOneView) else { return nil }
        return start.duration(to: simulation.now)
    }
}

extension Simulation {
    /// Until `count` events have come that are `wanted`.
    fileprivate func time(
        until count: Int, within limit: Duration, _ isWanted: @escaping (Int, MemberEvent) -> Bool
    ) -> Duration? {
        let start = now
        var left = count
        onMemberEvent = { observer, event in if isWanted(observer, event) { left -= 1 } }
        defer { onMemberEvent = nil }
        return run(for: limit) { _ in left <= 0 } ? start.duration(to: now) : nil
    }
}
