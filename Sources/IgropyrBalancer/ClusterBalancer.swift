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
    private struct Ears {
        let membership: Membership
        let client: ControlClient
        let replica: Replica
        let directory: UpstreamDirectory
        let followers: [Task<Void, Never>]
    }

    /// How it learns of the cluster once a successor is the member.
    private struct BorrowedEars {
        let client: ControlClient
        let directory: UpstreamDirectory
        let followers: [Task<Void, Never>]
    }

    private static let formerKeyLimit = 32

    public nonisolated let loop: EventLoop
    private let configuration: MembershipConfiguration
    /// The key file's.
    private let key: ClusterKey?
    private let dataFolder: String?
    private var memory: BalancerMemory?
    /// The cluster's, the one in use first.
    private var keys: [ClusterKey]
    /// Such as were the cluster's: certificates are under them until a node has put those under the new one.
    private var formerKeys: [ClusterKey] = []
    private var certificates: [CertificateName: Certificate] = [:]
    /// What ``show(on:)`` went by last; nil before.
    private var shown: (certificates: [CertificateName: Certificate], keys: [ClusterKey])?
    private var settings: BalancerSettings
    private var balancer: Balancer?
    /// Has requests under way still, and writes their lines.
    private var endingBalancer: Balancer?
    private var ears: Ears?
    private var borrowedEars: BorrowedEars?
    private let workerWaiters = WaitingTasks()
    private var nameLoss: NodeError?
    private let lossWaiters = WaitingTasks()

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
    private func takeDataFolderBack() async {
        memory = nil
        do { try await takeDataFolder() } catch {
            configuration.logger.error("goes on without its data folder", metadata: ["reason": "\(error)"])
        }
    }

    private func listen(for balancer: Balancer, on sockets: MembershipSockets?) async throws -> Ears {
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

    private func makeDirectory(for balancer: Balancer) throws(UVError) -> UpstreamDirectory {
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
        if let balancer, shown == nil { show(on: balancer) }
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

    /// As ``Balancer/startSuccessor(_:with:within:on:)``. The new process gossips under this one's name, by the same
    /// sockets: so this one falls silent for it, and to its end hears of the cluster from nodes. If nothing comes of
    /// it, all is as before.
    /// - Throws: ``SuccessionFailure``; what ``start()`` throws if it cannot gossip again, either.
    public func startSuccessor(_ command: ChildProcess.Command, within limit: Duration) async throws -> Int32 {
        guard let balancer, let ears else { throw SuccessionFailure.stopped }
        let snapshot = await ears.replica.snapshot
        let keyring = try keysForSuccessor()
        defer { for descriptor in keyring.values { Descriptor.close(descriptor) } }
        let sockets = try await ears.membership.leaveToSuccessor()
        self.ears = nil
        await close(ears)
        memory?.release()
        do {
            borrowedEars = try await borrow(from: snapshot, for: balancer)
            let pid = try await balancer.startSuccessor(
                command, with: keyring.merging(sockets?.descriptors ?? [:]) { $1 }, within: limit, on: loop)
            sockets?.close()
            return pid
        } catch {
            await giveBack()
            await takeDataFolderBack()
            self.ears = try await listen(for: balancer, on: sockets)
            throw error
        }
    }

    /// Those of the cluster, which may have changed since the key file was written; none where the data folder has
    /// them.
    private func keysForSuccessor() throws -> [String: Int32] {
        guard memory == nil, let key, !keys.isEmpty else { return [:] }
        return try KeyringFile(base: key, keys: keys).handedOver()
    }

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

    private func close(_ ears: Ears) async {
        await ears.replica.stop()
        for follower in ears.followers { await follower.value }
        await ears.directory.close()
        await ears.client.close()
    }

    /// By nodes' control API, until ``giveBack()``.
    private func borrow(from snapshot: Replica.Snapshot, for balancer: Balancer) async throws -> BorrowedEars {
        let name = try HostName(configuration.name)
        let directory = try makeDirectory(for: balancer)
        do {
            let client = try ControlClient(on: loop, key: keys.first, zone: configuration.zone)
            let replica = RemoteReplica(name, from: snapshot, keys: keys, client: client, on: loop)
            let followers = [
                Task(executorPreference: loop) { await replica.follow() },
                Task(executorPreference: loop) {
                    for await keys in replica.changedKeys { await self.use(keys, directory) }
                },
                Task(executorPreference: loop) { await self.follow(replica.snapshots, balancer, directory) },
            ]
            return BorrowedEars(client: client, directory: directory, followers: followers)
        } catch {
            await directory.close()
            throw error
        }
    }

    private func giveBack() async {
        guard let ears = borrowedEars else { return }
        borrowedEars = nil
        ears.followers.first?.cancel()
        await ears.client.close()
        for follower in ears.followers { await follower.value }
        await ears.directory.close()
    }

    private func follow(
        _ snapshots: AsyncStream<Replica.Snapshot>, _ balancer: Balancer, _ directory: UpstreamDirectory
    ) async {
        var (lastDead, lastFailed): (Set<SocketAddress>, Set<HostName>) = ([], [])
        for await snapshot in snapshots {
            // For who has borrowed ears; a member has heard of it already.
            for host in snapshot.failed.subtracting(lastFailed) { balancer.hostFailed(host.rawValue) }
            lastFailed = snapshot.failed
            let dead = Self.deadWorkers(snapshot.state)
            for address in dead.subtracting(lastDead) { balancer.workerFailed(at: address) }
            lastDead = dead
            // Who has heard of no host yet does not know of certificates, either.
            if !snapshot.state.hosts.isEmpty {
                certificates = snapshot.state.certificates
                show(on: balancer)
            }
            await directory.update(ClusterView(snapshot.state, alive: snapshot.alive))
            workerWaiters.wake()
            await rememberPeers()
        }
    }

    /// Has listeners that await the cluster's certificates show those that are known.
    private func show(on balancer: Balancer) {
        guard balancer.awaitsCertificates else { return }
        if let shown, shown == (certificates, keys) { return }
        shown = (certificates, keys)
        let opened = ShownCertificates(certificates, keys: keys + formerKeys)
        var problems = opened.problems
        do throws(TLSError) { try balancer.use(opened.usable) } catch { problems.append(error.description) }
        for problem in problems {
            configuration.logger.error("cannot show a certificate of the cluster", metadata: ["reason": "\(problem)"])
        }
        guard opened.usable.isEmpty else { return }
        configuration.logger.warning("there is no certificate to show, so handshakes fail: igropyr certificate set")
    }

    private func rememberPeers() async {
        guard let memory, let ears else { return }
        await memory.keep(peers: await ears.membership.rememberedPeers)
    }

    private func use(_ keys: [ClusterKey], _ directory: UpstreamDirectory) async {
        formerKeys = Array((self.keys + formerKeys).filter { !keys.contains($0) }.prefix(Self.formerKeyLimit))
        self.keys = keys
        if shown != nil, let balancer = balancer ?? endingBalancer { show(on: balancer) }
        await directory.use(keys)
    }

    /// While a key is changed, keys come and go; that another is in use is news once.
    private func remember(_ keys: [ClusterKey], insteadOf old: [ClusterKey]) async {
        if let memory { return await memory.keep(keys) }
        guard keys.first != old.first else { return }
        configuration.logger.notice(
            "the cluster uses another key, and this balancer has no data folder: give it the new one for its next start"
        )
    }

    /// Those that will not be back at once. Their sockets, which their nodes have, still take connections: what waits
    /// there for nobody goes elsewhere.
    private static func deadWorkers(_ state: ReplicatedState) -> Set<SocketAddress> {
        let workers = state.hosts.values.flatMap(\.workers).filter { $0.state == .failed || $0.state == .backoff }
        return Set(workers.compactMap { SocketAddress($0.address, port: $0.port) })
    }

    /// Does not wait for the snapshot: what is under way on a dead host is repeated elsewhere at once.
    private func follow(
        _ events: AsyncStream<MembershipEvent>, of membership: Membership, _ balancer: Balancer,
        _ directory: UpstreamDirectory, _ client: ControlClient
    ) async {
        for await event in events {
            switch event {
            case .member(let event): if event.kind == .failed { balancer.hostFailed(event.member.name) }
            case .keysChanged(let changed):
                let old = keys
                await use(changed.compactMap(ClusterKey.init(bytes:)), directory)
                // It fails only for want of memory; then the next exchange of states tells.
                if let key = keys.first { try? await client.use(key) }
                await remember(keys, insteadOf: old)
            case .nameLost(let name, let address):
                nameLoss = .nameLost(name: name, address: address)
                lossWaiters.wake()
            case .query(let query):
                guard let challenge = AuthorityChallenge(query: query.name, query.payload) else { break }
                await balancer.answer(challenge)
                try? await membership.respond(to: query.id, with: [])  // If it is not too late for that.
            case .userEvent, .userMessage, .userState, .joined, .joinFailed, .nameConflict, .lagged: break
            }
        }
    }
}
