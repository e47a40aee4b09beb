public import IgropyrCluster
public import IgropyrMembership
public import IgropyrTransport
internal import IgropyrOrchestration
public import IgropyrUV
internal import Logging

/// A balancer that is a member of a cluster: learns by gossip which workers there are, and which hosts have died.
///
/// Has a copy of the cluster's state in memory only; runs no worker. For tasks on any thread.
public actor ClusterBalancer: LoopBound {
    /// How it learns of the cluster.
    struct Ears {
        let membership: Membership
        let client: ControlClient
        let replica: Replica
        let directory: UpstreamDirectory
        let followers: [Task<Void, Never>]
    }

    public nonisolated let loop: EventLoop
    let configuration: MembershipConfiguration
    /// The key file's.
    let key: ClusterKey?
    private let dataFolder: String?
    var memory: BalancerMemory?
    /// The cluster's, the one in use first.
    var keys: [ClusterKey]
    var certificates = ClusterCertificates()
    private var settings: BalancerSettings
    var balancer: Balancer?
    /// Has requests under way still, and writes their lines.
    var endingBalancer: Balancer?
    var ears: Ears?
    var borrowedEars: BorrowedEars?
    let workerWaiters = WaitingTasks()
    var nameLoss: NodeError?
    let lossWaiters = WaitingTasks()

    /// The member's name and where it gossips are the configuration's, its key and tags are set here. In `dataFolder`,
    /// which it has for itself, it keeps the keys that the cluster changes to and where the others are; nil: it starts
    /// with `key` and the seeds each time, or with the keys that a predecessor has handed over by one of the
    /// `descriptors`.
    public init(
        _ settings: BalancerSettings, member configuration: MembershipConfiguration, key: ClusterKey?,
        dataFolder: String? = nil, descriptors: [String: Int32] = [:], on loop: EventLoop
    ) {
        var configuration = configuration
        configuration.tags = MemberTags.balancer
        self.configuration = configuration
        self.key = key
        self.dataFolder = dataFolder
        keys = key.map { KeyringFile.keys(startingWith: $0, handedOverBy: descriptors) ?? [$0] } ?? []
        self.settings = settings
        self.settings.client.zone = configuration.zone
        self.loop = loop
    }

    /// Where clients reach it; nil unless running.
    public var address: SocketAddress? { balancer?.address }

    /// As ``Balancer/reopenAccessLog()``; nothing unless running, or about to stop.
    public func reopenAccessLog() { (balancer ?? endingBalancer)?.reopenAccessLog() }

    /// Listens and begins to look for the cluster, without waiting for it: requests wait for the first worker, for a
    /// while. A successor accepts none before ``waitForWorkers(within:)``, since its predecessor serves them meanwhile.
    /// What failed leaves nothing open.
    /// - Throws: `UVError` from listening, ``InsightFailure``, `MembershipError` from binding the gossip port,
    ///   `InvalidName`, `DataFolderError`, and what says that the kept keys cannot be read.
    public func start() async throws {
        guard balancer == nil else { return }
        let balancer = try await Balancer.start(settings, accepts: !settings.isSuccessor)
        do {
            try await takeDataFolder()
            keys = memory?.firstKeys ?? keys
            ears = try await listen(for: balancer, on: configuration.sockets)
        } catch {
            memory?.release()
            try? await balancer.stop(timeout: .zero)
            throw error
        }
        self.balancer = balancer
        configuration.logger.info(
            "balancer started",
            metadata: [
                "name": "\(configuration.name)",
                "listen": "\(balancer.addresses.map(\.description).joined(separator: " "))",
            ])
    }

    /// As ``Balancer/reloadCertificates()``; nothing unless running.
    public func reloadCertificates() throws(TLSError) { try balancer?.reloadCertificates() }

    /// Has further requests go by these rules.
    public func update(_ rules: TrafficRules) async {
        settings.rules = rules
        await ears?.directory.update(rules)
    }

    private func takeDataFolder() async throws {
        guard let dataFolder else { return }
        memory = try await BalancerMemory(at: dataFolder, key, logger: configuration.logger, on: loop)
    }

    /// Without it, it goes on, too.
    func takeDataFolderBack() async {
        memory = nil
        do { try await takeDataFolder() } catch {
            configuration.logger.error("goes on without its data folder", metadata: ["reason": "\(error)"])
        }
    }

    func listen(for balancer: Balancer, on sockets: MembershipSockets?) async throws -> Ears {
        let name = try HostName(configuration.name)
        let directory = try makeDirectory(for: balancer)
        // What the file alone decides needs no cluster.
        if !settings.rules.fixedWorkers.isEmpty || !settings.rules.routes.isEmpty { await directory.publish() }
        do {
            return try await listen(for: balancer, as: name, directory, on: sockets)
        } catch {
            await directory.close()
            throw error
        }
    }

    func makeDirectory(for balancer: Balancer) throws(UVError) -> UpstreamDirectory {
        try UpstreamDirectory(
            of: balancer, settings.rules, defaults: settings.application, awaitsCluster: true, keys: keys, on: loop)
    }

    private func listen(
        for balancer: Balancer, as name: HostName, _ directory: UpstreamDirectory, on sockets: MembershipSockets?
    ) async throws -> Ears {
        var configuration = configuration
        configuration.sockets = sockets
        configuration.rememberedPeers = memory?.peers ?? []
        configuration.keys = keys.map(\.bytes)
        let client = try ControlClient(on: loop, key: keys.first, zone: configuration.zone)
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
            Task(executorPreference: loop) { await self.follow(snapshots, balancer, directory) },
            Task(executorPreference: loop) { await self.follow(events, of: membership, balancer, directory, client) },
        ]
        return Ears(
            membership: membership, client: client, replica: replica, directory: directory, followers: followers)
    }

    /// Returns once it knows of a worker, after `limit`, or when it is stopped; from then on a successor accepts, too,
    /// and so do listeners that await the cluster's certificates, whose handshakes may fail.
    /// - Throws: if a listening socket cannot be used.
    public func waitForWorkers(within limit: Duration) async throws(UVError) {
        await workerWaiters.wait(on: loop, atMost: limit) { lacksWorkers }
        if let balancer, !certificates.areShown { showCertificates(on: balancer) }
        try await balancer?.accept()
    }

    /// Returns when it is stopped.
    /// - Throws: ``NodeError/nameLost(name:address:)``: it hears of the cluster no more, since another member has its
    ///   name.
    public func waitForNameLoss() async throws(NodeError) {
        await lossWaiters.wait { nameLoss == nil && balancer != nil }
        if let nameLoss { throw nameLoss }
    }

    private var lacksWorkers: Bool { balancer.map { $0.snapshot?.lacksWorkers ?? true } ?? false }

    /// Returns when every loop has answered.
    public func answer() async { _ = await balancer?.counters }

    /// Stops accepting and lets requests under way finish for as long as `timeout`: they go on elsewhere if their host
    /// dies meanwhile. Then it leaves the cluster, unless a successor is in it under this name.
    public func stop(timeout: Duration) async throws {
        guard let balancer else { return }
        (self.balancer, endingBalancer) = (nil, balancer)
        defer { endingBalancer = nil }
        workerWaiters.wake()
        lossWaiters.wake()
        let ears = ears
        self.ears = nil
        var failure: UVError?
        do throws(UVError) { try await balancer.stop(timeout: timeout) } catch { failure = error }
        await leave(ears)
        await giveBack()
        if let failure { throw failure }
        let done = await balancer.counters
        let failed = done.badGateways + done.unavailable + done.gatewayTimeouts + done.truncated
        configuration.logger.info(
            "balancer stopped",
            metadata: ["requests": "\(done.requests)", "retries": "\(done.retries)", "failed": "\(failed)"])
    }

    private func leave(_ ears: Ears?) async {
        guard let ears else { return }
        await ears.membership.leave()
        await close(ears)
        memory?.release()
    }

    func close(_ ears: Ears) async {
        await ears.replica.stop()
        for follower in ears.followers { await follower.value }
        await ears.directory.close()
        await ears.client.close()
    }
}
