import IgropyrCluster
import IgropyrMembership
import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV

/// What others see of a host that runs a worker of each application: its gossip, its record, its half of exchanges of
/// states. There are no workers. It says that they are ready once so many applications are deployed, and not before:
/// else each of them would have all hosts tell each other news.
actor SimulatedHost: LoopBound {
    struct Cluster {
        let key: ClusterKey
        let seed: IgropyrUV.Endpoint
        let applications: Int
    }

    nonisolated let loop: EventLoop
    private let name: HostName
    private let address: SocketAddress
    private let cluster: Cluster
    private var parts: (server: HTTPServer, replica: Replica)?

    init(_ name: HostName, at address: SocketAddress, in cluster: Cluster, on loop: EventLoop) {
        (self.name, self.address, self.cluster, self.loop) = (name, address, cluster, loop)
    }

    /// It lives as long as the process.
    func start() async throws {
        let listener = try TCPListener(on: loop, binding: SocketAddress(host: address.host, port: 0))
        let port = listener.localAddress.port
        var configuration = MembershipConfiguration(name: name.rawValue, bind: address)
        configuration.tags = MemberTags.node(controlPort: port)
        configuration.keys = [cluster.key.bytes]
        configuration.seeds = [cluster.seed]
        let membership = Membership(configuration, on: loop)
        try await membership.start()
        let client = try ControlClient(on: loop, key: cluster.key)
        let replica = Replica(Replica.Configuration(name: name), membership: membership, client: client, on: loop)
        var settings = HTTPServerSettings()
        settings.http2.isEnabled = false
        let server = try HTTPServer(
            listener: listener, settings: settings, tls: .preSharedKey(cluster.key.control, role: .server),
            handler: StateServer(of: replica))
        parts = (server, replica)
        await replica.start()
        let snapshots = await replica.snapshots()
        Task(executorPreference: loop) { await self.publish(by: snapshots, controlPort: port) }
    }

    private func publish(by snapshots: AsyncStream<Replica.Snapshot>, controlPort: UInt16) async {
        guard let replica = parts?.replica else { return }
        for await snapshot in snapshots {
            let deployments = snapshot.state.liveDeployments
            let workers = deployments.count < cluster.applications ? [] : deployments.map(worker)
            let record = HostRecord(
                name: name, address: address.hostText, controlPort: controlPort, cores: 2,
                bundles: workers.map(\.revision).sorted(),
                workers: workers.sorted { $0.application < $1.application })
            await replica.publish(record, epoch: 1)
        }
    }

    private func worker(of application: ApplicationName, _ spec: DeploymentSpec) -> WorkerRecord {
        WorkerRecord(
            application: application, index: 0, revision: spec.revision, address: address.hostText, port: 8080,
            state: .ready, pid: 1, startedAt: UnixTime(milliseconds: 0), fingerprint: spec.worker.fingerprint,
            gate: .available)
    }
}
