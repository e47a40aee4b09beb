import IgropyrHashing

/// Which worker runs where: a pure function of deployments and hosts, so all hosts come to the same answer by
/// themselves.
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
        /// Of a cordoned host: how many workers of each application it has, and may keep; nil: it takes what it gets.
        public var present: [ApplicationName: Int]?
        /// Bundles that hold nothing for its machine. Of a total it gets none of theirs, unless no other host could
        /// either.
        public var misfits: Set<BundleDigest> = []

        public init(name: HostName, capacity: UInt16, cores: UInt16 = 1, tags: [String: String] = [:]) {
            self.name = name
            self.capacity = capacity
            self.cores = cores
            self.tags = tags
        }
    }

    /// Why an application runs fewer workers than asked.
    public enum Shortfall: Hashable, Sendable {
        /// No host that is alive takes workers: drained ones do not.
        case noHost
        /// None of those has the tags that it asks for.
        case noHostWithTags([String: String])
        /// So many workers found their host full (``StateLimits/workersPerHost``), by applications earlier by name.
        case hostsFull(missing: Int)
        /// So many workers found none but cordoned hosts. Of so many for each host, these lack only if all are
        /// cordoned.
        case hostsCordoned(missing: Int)
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
            guard spec.scale != .total(0), spec.scale != .perHost(0) else { continue }
            let eligible = hosts.filter { Self.meets(spec.constraints, $0) }
            if eligible.isEmpty {
                shortfalls[name] = hosts.isEmpty ? .noHost : .noHostWithTags(spec.constraints)
            } else {
                place(name, spec, on: eligible)
            }
        }
    }

    /// How many workers an application has in all.
    public func count(of name: ApplicationName) -> Int {
        workers.values.reduce(0) { $0 + $1.keys.count { $0.application == name } }
    }

    private mutating func place(_ name: ApplicationName, _ spec: DeploymentSpec, on eligible: [Host]) {
        let counts: [(host: HostName, count: Int)] =
            switch spec.scale {
            case .perHost(let count): eligible.map { ($0.name, min(count, $0.room(for: name))) }
            case .perCore: eligible.map { ($0.name, min(Int($0.cores), $0.room(for: name))) }
            case .total(let count):
                Self.distribute(count, of: name, over: Self.fitting(spec, eligible), preferring: spec.preferences)
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
        let closed = Self.countWithoutHost(spec.scale, counts.reduce(0) { $0 + $1.count }, eligible)
        if missing > 0 {
            shortfalls[name] = .hostsFull(missing: missing)
        } else if closed > 0 {
            shortfalls[name] = .hostsCordoned(missing: closed)
        }
    }

    /// Workers beyond the `given` ones that no host may take.
    private static func countWithoutHost(_ scale: DeploymentSpec.Scale, _ given: Int, _ hosts: [Host]) -> Int {
        switch scale {
        case .total(let count): min(count, maximumTotal) - given
        case .perHost(let count): given > 0 ? 0 : count * hosts.count
        case .perCore: given > 0 ? 0 : hosts.reduce(0) { $0 + Int($1.cores) }
        }
    }

    private static func meets(_ constraints: [String: String], _ host: Host) -> Bool {
        constraints.allSatisfy { host.tags[$0.key] == $0.value }
    }

    /// All, where none fits: then their records say why nothing runs.
    private static func fitting(_ spec: DeploymentSpec, _ hosts: [Host]) -> [Host] {
        let fitting = hosts.filter { !$0.misfits.contains(spec.revision) }
        return fitting.isEmpty ? hosts : fitting
    }

    /// One worker to each host in the order of cost, those with more of the preferred tags first; once each has one,
    /// the rest in proportion to capacity.
    private static func distribute(
        _ total: Int, of name: ApplicationName, over hosts: [Host], preferring preferences: [String: String]
    ) -> [(host: HostName, count: Int)] {
        let key = XXH64.hash(name.rawValue)
        let costs = hosts.map { Rendezvous.cost(key: key, member: XXH64.hash($0.name.rawValue), weight: $0.capacity) }
        let lacks = hosts.map { host in preferences.count { host.tags[$0.key] != $0.value } }
        let ranked = hosts.indices
            .sorted { (lacks[$0], costs[$0], $0) < (lacks[$1], costs[$1], $1) }
            .map { hosts[$0] }
        var counts = ranked.map { _ in 0 }
        let firsts = ranked.indices.filter { ranked[$0].room(for: name) > 0 }.prefix(total)
        for index in firsts { counts[index] = 1 }
        var next = ranked.map { placeCost(of: 1, on: $0, key: key) }
        for _ in 0..<max(0, min(total, maximumTotal) - firsts.count) {
            let open = next.indices.filter { counts[$0] < ranked[$0].room(for: name) }
            guard let cheapest = open.min(by: { (next[$0], $0) < (next[$1], $1) }) else { break }
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

extension Placement.Shortfall: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noHost: "no host that is alive takes workers: start one, or igropyr uncordon one that is drained"
        case .noHostWithTags(let tags):
            "no host that is alive and takes workers has the tags that it asks for: "
                + tags.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        case .hostsFull(let missing): "\(missing) of its workers find no room: their hosts are full"
        case .hostsCordoned(let missing):
            "\(missing) of its workers find no room: the hosts that are left are cordoned (igropyr uncordon)"
        }
    }
}

extension Placement.Host {
    /// The most workers of an application that it may have.
    fileprivate func room(for name: ApplicationName) -> Int { present.map { $0[name] ?? 0 } ?? .max }
}

extension HostRecord {
    /// How many workers of each application stay, for a placement that adds none.
    fileprivate var presentWorkers: [ApplicationName: Int] {
        let slots = Set(workers.filter { $0.state != .draining }.map { $0.slot(on: name) })
        return slots.reduce(into: [:]) { $0[$1.application, default: 0] += 1 }
    }
}

extension ReplicatedState {
    /// The hosts of a placement: those alive that have told about themselves and are not draining.
    public func placementHosts(alive: Set<HostName>) -> [Placement.Host] {
        hosts.values.filter { alive.contains($0.name) && !$0.isDraining }
            .map { record in
                var host = Placement.Host(
                    name: record.name, capacity: record.capacity, cores: record.cores, tags: record.tags)
                host.present = record.isCordoned == true ? record.presentWorkers : nil
                host.misfits = Set(record.misfits ?? [])
                return host
            }
    }

    public func placement(alive: Set<HostName>) -> Placement {
        Placement(deployments: liveDeployments, hosts: placementHosts(alive: alive))
    }
}
