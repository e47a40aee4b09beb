internal import Glibc
internal import IgropyrMembership
internal import IgropyrOrchestration
internal import IgropyrTime
public import IgropyrUV
internal import Logging

/// A node: works out from the replicated state what this host should run, and sees to it that it does.
///
/// For tasks on any thread; everything happens on its loop, which must live as long as the process (see ``Launcher``).
public actor HostAgent: LoopBound {
    /// What there is from a successful start to the end.
    struct Parts {
        let folder: DataFolder
        let store: BundleStore
        let client: ControlClient
        let control: ControlServer
        let controlAddress: SocketAddress
        let topics: TopicServer
        let membership: Membership
        let events: AsyncStream<MembershipEvent>
        let replica: Replica
        let site: WorkerPlace.Site
        let supervisor: WorkerSupervisor
        let fetcher: BundleFetcher
        /// Wakes the agent when something is due.
        let timer: Timer
        /// When to do without others, if none can be found.
        let searchEnd: Timestamp?
        /// The start of this agent.
        let epoch: Int64
    }

    enum Problem: Hashable {
        case disk
        case folder
        case keys
        case bundle(BundleDigest)
        case slot(WorkerSlot)
    }

    enum State {
        case idle
        case starting
        case running(Parts)
        /// It still tells the others what they ask, but takes nothing new.
        case stopping(Parts)
        /// Its program is about to be replaced.
        case upgrading(Parts)
        case stopped
    }

    public nonisolated let loop: EventLoop
    let configuration: NodeConfiguration
    let name: HostName
    private(set) var state = State.idle
    var bundles = LocalBundles()
    /// Workers that it should run and cannot, for there is nothing to run.
    var absentWorkers: [WorkerRecord] = []
    /// What goes wrong at present, in a line each; the host's record tells the others.
    var problems: [Problem: String] = [:] {
        didSet { if problems != oldValue { setNeedsUpdate() } }
    }
    var keys = NodeKeys(ofFile: nil) {
        didSet { setNeedsUpdate() }
    }
    /// Why the node stopped by itself.
    var failure: NodeError?
    private let stopWaiters = WaitingTasks()
    private var follower: Task<Void, Never>?
    private var eventFollower: Task<Void, Never>?
    private var folderWatcher: Task<Void, Never>?
    /// It stops, and the balancers are to leave its workers alone.
    private var areWorkersLeaving = false
    var agenda: Agenda
    var rememberedPeers: [SocketAddress] = []
    let updates: CoalescedWork
    /// Whether an operator keeps workers away.
    var scheduling = Scheduling.active

    /// - Throws: What ``NodeConfiguration/validate()`` finds.
    public init(_ configuration: NodeConfiguration, on loop: EventLoop) throws(NodeError) {
        let name = try configuration.validate()
        self.configuration = configuration
        self.name = name
        agenda = Agenda(of: name)
        self.loop = loop
        updates = CoalescedWork(on: loop)
    }

    var parts: Parts? {
        switch state {
        case .running(let parts), .stopping(let parts), .upgrading(let parts): parts
        case .idle, .starting, .stopped: nil
        }
    }

    var isRunning: Bool {
        if case .running = state { true } else { false }
    }

    private var isStopping: Bool {
        if case .stopping = state { true } else { false }
    }

    /// Where the control API listens; nil unless running.
    public var controlAddress: SocketAddress? { parts?.controlAddress }

    /// Where others join; nil unless running.
    public var gossipAddress: SocketAddress? {
        get async { await parts?.membership.advertisedAddress }
    }

    /// Connections to the control API that were closed for what they sent.
    public var refusedConnections: UInt64 { parts?.control.refusedConnections ?? 0 }

    // MARK: - Life

    /// Opens everything and begins to look for the cluster, without waiting for it. What failed leaves nothing open.
    public func start() async throws(NodeError) {
        guard case .idle = state else { return }
        state = .starting
        do throws(NodeError) {
            let parts = try await open()
            state = .running(parts)
            await begin(parts)
        } catch {
            state = .idle
            throw error
        }
    }

    private func begin(_ parts: Parts) async {
        await parts.replica.start()
        await parts.topics.hub.start(following: parts.replica)
        await publish(parts)
        await writeNodeFile(parts)
        let snapshots = await parts.replica.snapshots()
        folderWatcher = Task(executorPreference: loop) { await self.watchFolder() }
        follower = Task(executorPreference: loop) { for await _ in snapshots { await self.setNeedsUpdate() } }
        configuration.logger.info(
            "node started",
            metadata: ["name": "\(name)", "control": "\(parts.controlAddress)", "data": "\(parts.folder.path)"])
        sayHowWorkersAreConfined(parts.site.host)
        let events = parts.events
        eventFollower = Task(executorPreference: loop) { await self.follow(events) }  // Last: it may stop the agent.
    }

    func writeNodeFile(_ parts: Parts) async {
        let folder = parts.folder
        let keyFile =
            keys.present.first == keys.ofFile
            ? configuration.keyFile.flatMap { try? FileSystem.resolved($0) } : "\(folder.path)/\(KeyringFile.keyName)"
        let file = NodeFile(
            host: name.rawValue, control: parts.controlAddress.localText, keyFile: keyFile, pid: getpid())
        do {
            try await loop.offload { try file.write(to: folder) }
        } catch {
            configuration.logger.warning("cannot write node.json", metadata: ["reason": "\(error)"])
        }
    }

    /// Returns when the node has stopped, by ``stop()``, on request of the control API or because it had to.
    /// - Throws: why it had to.
    public func waitUntilStopped() async throws(NodeError) {
        await stopWaiters.wait { if case .stopped = state { false } else { true } }
        if let failure { throw failure }
    }

    /// Leaves in peace: lets others take over, tells the balancers, lets requests finish, then closes everything. Takes
    /// up to ``NodeConfiguration/handoverTimeout``, the longest stop time-out of the workers, and some seconds for the
    /// gossip. Idempotent; whoever calls it again waits for the first call.
    public func stop() async {
        if case .stopping = state { return await stopWaiters.wait { isStopping } }
        guard case .running(let parts) = state else { return }
        state = .stopping(parts)
        follower?.cancel()
        await stopWatchingFolder()
        await updates.finish()
        await parts.fetcher.stop()
        await publish(parts)
        await handOver(parts)
        parts.timer.close()
        areWorkersLeaving = true
        await publish(parts)
        try? await Task.sleep(for: configuration.leaveGrace)
        let membership = parts.membership
        async let left: Void = membership.leave()
        await parts.supervisor.stopAll()
        await left
        await follower?.value
        await eventFollower?.value
        await parts.topics.stop(within: .seconds(2))
        await parts.replica.stop()
        await parts.control.stop(within: .seconds(2))
        await parts.client.close()
        await parts.supervisor.close()
        let folder = parts.folder
        await loop.offload {
            NodeFile.remove(from: folder)
            folder.release()
        }
        state = .stopped
        stopWaiters.wake()
        configuration.logger.info("node stopped", metadata: ["name": "\(name)"])
    }

    private func stopWatchingFolder() async {
        folderWatcher?.cancel()
        await folderWatcher?.value
    }

    /// Waits until the workers that are needed elsewhere, once this host is gone, serve there.
    private func handOver(_ parts: Parts) async {
        let snapshots = await parts.replica.snapshots()
        let waiting = Task(executorPreference: loop) {
            for await snapshot in snapshots {
                guard await self.isNeeded(snapshot) else { return }
            }
        }
        // Fails only once closed.
        try? parts.timer.start(after: configuration.handoverTimeout) { waiting.cancel() }
        await waiting.value
    }

    private func isNeeded(_ snapshot: Replica.Snapshot) -> Bool {
        let deployments = snapshot.state.liveDeployments
        let moving = snapshot.state.placement(alive: snapshot.alive).moving(in: snapshot.state)
        return (snapshot.state.hosts[name]?.workers ?? []).contains { worker in
            guard worker.state == .ready, moving.contains(worker.application) else { return false }
            return switch deployments[worker.application]?.scale {
            case .total: true
            case .perHost, .perCore, nil: false  // The others have theirs, whoever leaves.
            }
        }
    }

    /// What this program leaves to its successor in this process, for `execve`: workers go on meanwhile, connections
    /// wait. Requests to the control API may finish first. Nil unless running; after it, the agent is of no use any
    /// more.
    public func leaveToSuccessor() async throws(UVError) -> Handover? {
        guard case .running(let parts) = state else { return nil }
        state = .upgrading(parts)
        await stopWatchingFolder()
        let control = try parts.control.duplicateSocket()
        let topics = try parts.topics.duplicateSocket()
        await parts.topics.drain(within: .seconds(2))
        await parts.control.stop(within: .seconds(2))
        let talk = await rememberTopics(parts)
        await updates.finish()
        await parts.fetcher.stop()
        await parts.replica.stop()
        var handover = try await parts.supervisor.handOver()
        handover.descriptors["control"] = control
        handover.descriptors["topics"] = topics
        handover.descriptors["talk"] = talk
        handover.openFiles = configuration.workers.openFiles
        // Last: from here on nobody answers the others.
        let sockets = try await parts.membership.leaveToSuccessor()
        handover.descriptors.merge(sockets?.descriptors ?? [:]) { $1 }
        return handover
    }

    // MARK: - What this host says about itself

    func publish(_ parts: Parts) async {
        var workers = await parts.supervisor.records(gates: agenda.verdicts).prefix(StateLimits.workersPerHost)
        if areWorkersLeaving { for index in workers.indices { workers[index].state = .draining } }
        workers += absentWorkers.prefix(StateLimits.workersPerHost - workers.count)
        var record = HostRecord(
            name: name, address: advertisedHost, controlPort: parts.controlAddress.port, cores: Self.cores,
            capacity: configuration.capacity, isDraining: isStopping || scheduling == .drained,
            tags: configuration.tags,
            bundles: Array(bundles.whole.sorted().prefix(StateLimits.bundlesPerHost)), workers: Array(workers))
        let deployed = await parts.replica.state.liveDeployments.values.map(\.revision)
        let misfits = Set(deployed).intersection(bundles.misfits.keys).sorted().prefix(StateLimits.bundlesPerHost)
        record.misfits = misfits.isEmpty ? nil : Array(misfits)
        record.isCordoned = scheduling == .cordoned ? true : nil
        let problems = await currentProblems(parts).prefix(StateLimits.problemsPerHost)
        record.problems = problems.isEmpty ? nil : problems.map(WorkerRecord.message)
        await parts.replica.publish(record, epoch: parts.epoch)
    }

    private func currentProblems(_ parts: Parts) async -> [String] {
        let replica = parts.replica
        let own = await [replica.storageProblem, replica.clockProblem].compactMap(\.self)
        return await own + replica.refusalProblems + problems.values.sorted()
    }

    var advertisedHost: String { (configuration.member.advertise ?? configuration.member.bind).hostText }

    static let cores = UInt16(clamping: CurrentProcess.availableCores)
}
