import IgropyrHashing

/// Which worker runs where: a pure function of deployments and hosts, so all hosts come to the same answer by themselves.
///
/// Weighted rendezvous: each place (application, host, index) has a cost that depends on nothing else, and the cheapest
/// places are taken. So a host that comes or goes displaces or frees what it gets or had, and no worker moves between
/// others. The formula stands in `docs/hashing.md`.
public struct Placement: Hashable, Sendable {
    /// A host that may run workers.
    public struct Host: Hashable, Sendable {
        public var name: HostName
        /// Its weight; with 0 it gets nothing.
        public var capacity: UInt16
        public var cores: UInt16
        public var tags: [String: String]

        public init(name: HostName, capacity: UInt16, cores: UInt16 = 1, tags: [String: String] = [:]) {
            self.name = name
            self.capacity = capacity
            self.cores = cores
            self.tags = tags
        }
    }

    /// Why an application runs fewer workers than asked.
    public enum Shortfall: Hashable, Sendable {
        /// No host has the tags, or none is there at all.
        case noEligibleHost
        /// So many workers found their host full (``StateLimits/workersPerHost``), by applications earlier by name.
        case hostsFull(missing: Int)
    }

    /// The most workers of one application by ``DeploymentSpec/Scale/total(_:)``.
    public static let maximumTotal = 1000

    /// What each host should run. Hosts without work are missing.
    public private(set) var workers: [HostName: [WorkerSlot: WorkerSpec]] = [:]
    public private(set) var shortfalls: [ApplicationName: Shortfall] = [:]

    /// - Parameters:
    ///   - deployments: The live ones.
    ///   - hosts: Those alive and not draining; of a name given twice the first counts.
    public init(deployments: [ApplicationName: DeploymentSpec], hosts: [Host]) {
        var names: Set<HostName> = []
        let hosts = hosts.filter { $0.capacity > 0 && names.insert($0.name).inserted }.sorted { $0.name < $1.name }
        for name in deployments.keys.sorted() {
            guard let spec = deployments[name] else { continue }
            place(name, spec, on: hosts.filter { Self.meets(spec.constraints, $0) })
        }
    }

    private mutating func place(_ name: ApplicationName, _ spec: DeploymentSpec, on eligible: [Host]) {
        guard !eligible.isEmpty else {
            shortfalls[name] = .noEligibleHost
            return
        }
        let counts: [(host: HostName, count: Int)] =
            switch spec.scale {
            case .perHost(let count): eligible.map { ($0.name, count) }
            case .perCore: eligible.map { ($0.name, Int($0.cores)) }
            case .total(let count): Self.distribute(count, of: name, over: eligible, preferring: spec.preferences)
            }
        let worker = spec.worker
        var missing = 0
        for (host, wanted) in counts where wanted > 0 {
            let count = min(wanted, StateLimits.workersPerHost - workers[host, default: [:]].count)
            for index in 0..<count {
                workers[host, default: [:]][WorkerSlot(application: name, host: host, index: index)] = worker
            }
            missing += wanted - count
        }
        if missing > 0 { shortfalls[name] = .hostsFull(missing: missing) }
    }

    private static func meets(_ constraints: [String: String], _ host: Host) -> Bool {
        constraints.allSatisfy { host.tags[$0.key] == $0.value }
    }

    /// One worker to each host in the order of cost, those with more of the preferred tags first; once each has one, the
    /// rest in proportion to capacity.
    private static func distribute(
        _ total: Int, of name: ApplicationName, over hosts: [Host], preferring preferences: [String: String]
    ) -> [(host: HostName, count: Int)] {
        let key = XXH64.hash(name.rawValue)
        let costs = hosts.map { Rendezvous.cost(key: key, member: XXH64.hash($0.name.rawValue), weight: $0.capacity) }
        let lacks = hosts.map { host in preferences.count { host.tags[$0.key] != $0.value } }
        let ranked = hosts.indices
            .sorted { (lacks[$0], costs[$0], $0) < (lacks[$1], costs[$1], $1) }
            .map { hosts[$0] }
        var counts = ranked.indices.map { $0 < total ? 1 : 0 }
        var next = ranked.map { placeCost(of: 1, on: $0, key: key) }
        for _ in 0..<max(0, min(total, maximumTotal) - ranked.count) {
            guard let cheapest = next.indices.min(by: { (next[$0], $0) < (next[$1], $1) }) else { break }
            counts[cheapest] += 1
            next[cheapest] = placeCost(of: counts[cheapest], on: ranked[cheapest], key: key)
        }
        return zip(ranked, counts).map { ($0.name, $1) }
    }

    /// `(index + f) / capacity` in units of 2^-52, f in [0, 1) drawn for application and host; index at most 1000.
    private static func placeCost(of index: Int, on host: Host, key: UInt64) -> UInt64 {
        let fraction = Rendezvous.draw(key: key, member: XXH64.hash(host.name.rawValue)) >> 32
        return (UInt64(index) << 32 | fraction) << 20 / UInt64(host.capacity)
    }
}

extension ReplicatedState {
    /// The hosts of a placement: those alive that have told about themselves and are not draining.
    public func placementHosts(alive: Set<HostName>) -> [Placement.Host] {
        hosts.values.filter { alive.contains($0.name) && !$0.isDraining }
            .map { Placement.Host(name: $0.name, capacity: $0.capacity, cores: $0.cores, tags: $0.tags) }
    }

    public func placement(alive: Set<HostName>) -> Placement {
        Placement(deployments: liveDeployments, hosts: placementHosts(alive: alive))
    }
}
