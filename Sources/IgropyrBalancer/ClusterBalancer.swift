public import IgropyrCluster
public import IgropyrMembership
internal import IgropyrOrchestration
public import IgropyrUV
internal import Logging

/// A balancer that is a member of a cluster: learns by gossip which workers there are, and which hosts have died.
///
/// Has a copy of the cluster's state in memory only; runs no worker. For tasks on any thread.
public actor ClusterBalancer: LoopBound {
    private struct Parts {
        let membership: Membership
        let client: ControlClient
        let replica: Replica
        let balancer: Balancer
        let followers: [Task<Void, Never>]
    }

    public nonisolated let loop: EventLoop
    private let configuration: MembershipConfiguration
    private let key: ClusterKey?
    private let settings: BalancerSettings
    private var parts: Parts?

    /// The member's name and where it gossips are the configuration's, its key and tags are set here.
    public init(
        _ settings: BalancerSettings, member configuration: MembershipConfiguration, key: ClusterKey?,
        on loop: EventLoop
    ) {
        var configuration = configuration
        configuration.tags = MemberTags.balancer
        configuration.keys = key.map { [$0.bytes] } ?? []
        self.configuration = configuration
        self.key = key
        self.settings = settings
        self.loop = loop
    }

    /// Where clients reach it; nil unless running.
    public var address: SocketAddress? { parts?.balancer.address }

    /// Listens and begins to look for the cluster, without waiting for it: requests wait for the first worker, for a
    /// while. What failed leaves nothing open.
    /// - Throws: `UVError` from listening, `MembershipError` from binding the gossip port, `InvalidName`.
    public func start() async throws {
        guard parts == nil else { return }
        let name = try HostName(configuration.name)
        let balancer = try await Balancer.start(settings)
        do {
            let client = try ControlClient(on: loop, key: key)
            let membership = Membership(configuration, on: loop)
            let events = await membership.events()
            do {
                try await membership.start()
            } catch {
                await client.close()
                throw error
            }
            let replica = Replica(.init(name: name), membership: membership, client: client, on: loop)
            await replica.start()
            let snapshots = await replica.snapshots()
            let followers = [
                Task(executorPreference: loop) { await Self.follow(snapshots, balancer) },
                Task(executorPreference: loop) { await Self.follow(events, balancer, client) },
            ]
            parts = Parts(
                membership: membership, client: client, replica: replica, balancer: balancer, followers: followers)
        } catch {
            try? await balancer.stop(timeout: .zero)
            throw error
        }
        configuration.logger.info(
            "balancer started", metadata: ["name": "\(name)", "listen": "\(balancer.address)"])
    }

    /// Stops accepting, lets requests under way finish for as long as `timeout`, and leaves the cluster meanwhile.
    public func stop(timeout: Duration) async throws {
        guard let parts else { return }
        self.parts = nil
        let counters = await parts.balancer.counters
        async let left: Void = parts.membership.leave()
        try await parts.balancer.stop(timeout: timeout)
        await left
        await parts.replica.stop()
        for follower in parts.followers { await follower.value }
        await parts.client.close()
        configuration.logger.info("balancer stopped", metadata: ["counters": "\(counters)"])
    }

    private static func follow(_ snapshots: AsyncStream<Replica.Snapshot>, _ balancer: Balancer) async {
        var last: ClusterView?
        var lastDead: Set<SocketAddress> = []
        for await snapshot in snapshots {
            let dead = deadWorkers(snapshot.state)
            for address in dead.subtracting(lastDead) { balancer.workerFailed(at: address) }
            lastDead = dead
            let view = ClusterView(snapshot.state, alive: snapshot.alive)
            guard view != last else { continue }
            last = view
            balancer.update(UpstreamSnapshot(view, reusing: balancer.snapshot))
        }
    }

    /// Those that will not be back at once. Their sockets, which their nodes have, still take connections: what waits
    /// there for nobody goes elsewhere.
    private static func deadWorkers(_ state: ReplicatedState) -> Set<SocketAddress> {
        let workers = state.hosts.values.flatMap(\.workers).filter { $0.state == .failed || $0.state == .backoff }
        return Set(workers.compactMap { SocketAddress($0.address, port: $0.port) })
    }

    /// Does not wait for the snapshot: what is under way on a dead host is repeated elsewhere at once.
    private static func follow(
        _ events: AsyncStream<MembershipEvent>, _ balancer: Balancer, _ client: ControlClient
    ) async {
        for await event in events {
            switch event {
            case .member(let event): if event.kind == .failed { balancer.hostFailed(event.member.name) }
            case .keysChanged(let keys):
                // It fails only for want of memory; then the next exchange of states tells.
                if let key = keys.first.flatMap(ClusterKey.init(bytes:)) { try? await client.use(key) }
            case .userEvent, .userMessage, .userState, .query, .joined, .joinFailed, .nameConflict, .nameLost, .lagged:
                break
            }
        }
    }
}
