public import IgropyrHashing

/// A worker that takes requests.
public struct WorkerEndpoint: Hashable, Sendable {
    /// Its place in the ring.
    public var slot: WorkerSlot
    /// An IP address.
    public var address: String
    public var port: UInt16
    public var revision: BundleDigest
    /// Whether it takes requests by TLS only, under keys made from the cluster's.
    public var isEncrypted: Bool

    public init(slot: WorkerSlot, address: String, port: UInt16, revision: BundleDigest, isEncrypted: Bool = false) {
        self.slot = slot
        self.address = address
        self.port = port
        self.revision = revision
        self.isEncrypted = isEncrypted
    }
}

/// What a balancer needs of the replicated state: which application answers what, and which workers are ready for it.
public struct ClusterView: Hashable, Sendable {
    public let routes: DeployedRoutes
    /// For each deployed application its ready workers on alive hosts, by slot, each slot once; empty if there are
    /// none.
    public let endpoints: [ApplicationName: [WorkerEndpoint]]
    /// Of the applications that ask for one.
    public let hashKeys: [ApplicationName: HashKey]

    public init(_ state: ReplicatedState, alive: Set<HostName>) {
        let live = state.liveDeployments
        routes = DeployedRoutes(live)
        hashKeys = live.compactMapValues(\.hashKey)
        var chosen: [WorkerSlot: WorkerRecord] = [:]
        for record in state.hosts.values where alive.contains(record.name) {
            for worker in record.workers where worker.state == .ready {
                guard let spec = live[worker.application] else { continue }
                let slot = worker.slot(on: record.name)
                if let other = chosen[slot], !Self.precedes(worker, other, revision: spec.revision) { continue }
                chosen[slot] = worker
            }
        }
        endpoints = Self.endpoints(chosen, of: live)
    }

    private static func endpoints(
        _ chosen: [WorkerSlot: WorkerRecord], of live: [ApplicationName: DeploymentSpec]
    ) -> [ApplicationName: [WorkerEndpoint]] {
        var result = live.mapValues { _ in [WorkerEndpoint]() }
        for (slot, worker) in chosen.sorted(by: { $0.key < $1.key }) {
            result[slot.application]?.append(
                WorkerEndpoint(
                    slot: slot, address: worker.address, port: worker.port, revision: worker.revision,
                    isEncrypted: worker.isEncrypted ?? false))
        }
        return result
    }

    /// Of two workers in one slot, during a change: the deployed revision first, then by content, so that all choose
    /// alike.
    private static func precedes(_ left: WorkerRecord, _ right: WorkerRecord, revision: BundleDigest) -> Bool {
        let leftRank = left.revision == revision ? 0 : 1
        let rightRank = right.revision == revision ? 0 : 1
        return (leftRank, left.revision, left.port, left.address) < (
            rightRank, right.revision, right.port, right.address
        )
    }

    /// An application's ring; a member's position in ``HashRing/members`` is that of its id, not that in ``endpoints``.
    public func ring(of application: ApplicationName, depth: Int = 3) -> HashRing {
        HashRing(
            (endpoints[application] ?? []).map { HashRing.Member(id: $0.slot.id, host: $0.slot.host.rawValue) },
            depth: depth)
    }
}

extension ReplicatedState {
    /// Alive hosts to fetch a bundle from, in the order of their names.
    public func holders(of bundle: BundleDigest, alive: Set<HostName>) -> [HostRecord] {
        hosts.values.filter { alive.contains($0.name) && $0.bundles.contains(bundle) }.sorted { $0.name < $1.name }
    }
}
