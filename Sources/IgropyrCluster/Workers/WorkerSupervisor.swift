internal import Glibc
internal import IgropyrOrchestration
internal import IgropyrUV
internal import Logging

/// Runs a node's workers: carries out what ``Supervision`` decides, with real sockets and processes.
///
/// For tasks on any thread; everything happens on its loop, which must live as long as the process (see ``Launcher``).
actor WorkerSupervisor: LoopBound {
    struct Configuration {
        var host: HostName
        /// Where workers listen; the port is ignored, each slot gets one that is free.
        var address: SocketAddress
        /// Where others reach them.
        var advertisedHost: String
        var settings: WorkerSettings
        var logFolder: String
        /// In its data folder is written down what runs, for the next agent.
        var site: WorkerPlace.Site
        /// What secrets may be under; the key in use first.
        var keys: Locked<[ClusterKey]>
        /// The cluster's, from which those of encrypted workers are made; the one in use first.
        var clusterKeys: [ClusterKey]
        /// Where workers talk to each other; nil: nowhere.
        var topics: TopicAddress?
        /// A descriptor of the socket there, for the keeper; the supervisor owns it.
        var topicSocket: Int32?
        /// What this program has left to itself, when it was replaced.
        var handover = Handover()
        var logger: Logger
    }

    /// As a node that leaves gives the balancers.
    private static let handoverGrace: Duration = .milliseconds(300)

    nonisolated let loop: EventLoop
    let configuration: Configuration
    let store: BundleStore
    private let onChange: @Sendable () -> Void
    private(set) var workers: [Int: Worker] = [:]
    var clusterKeys: [ClusterKey]
    private var lastID = 0
    private(set) var notifications: NotificationSocket?
    /// Without the `@`.
    var notificationName = NotificationSocket.uniqueName()
    private var quarantines: [ApplicationName: Quarantine] = [:]
    /// The program is about to be replaced: nothing new is started.
    var isHandingOver = false
    /// What runs beside workers.
    var commands: [ObjectIdentifier: CommandRun] = [:]
    let keeper: KeeperProcess
    let ledgerFile: LedgerFile
    private var logs: WorkerLogs?
    let idleWaiters = WaitingTasks()
    /// Places of processes that have ended, on their way out.
    var leaving = 0
    /// Messages from processes that are none of our workers.
    private(set) var strangeMessages = 0

    /// Calls `onChange` on the loop after each change of ``localWorkers`` or ``records()``.
    init(
        _ configuration: Configuration, store: BundleStore, on loop: EventLoop, onChange: @escaping @Sendable () -> Void
    ) {
        self.configuration = configuration
        clusterKeys = configuration.clusterKeys
        self.store = store
        self.loop = loop
        self.onChange = onChange
        let folder = configuration.site.dataFolder
        keeper = KeeperProcess(
            configuration.settings.keeper, for: folder, holding: configuration.topicSocket,
            logger: configuration.logger, on: loop)
        ledgerFile = LedgerFile(in: folder, logger: configuration.logger, on: loop)
    }

    // MARK: - What it has

    var localWorkers: [LocalWorker] { workers.values.map { $0.local(at: loop.now) }.sorted { $0.id < $1.id } }

    /// For the host's record, by slot; `gates` by id.
    func records(gates: [Int: HealthGate.Verdict] = [:]) -> [WorkerRecord] {
        workers.values.sorted { ($0.slot, $0.id) < ($1.slot, $1.id) }
            .map { $0.record(address: configuration.advertisedHost, gate: gates[$0.id], at: loop.now) }
    }

    // MARK: - Life

    /// Goes on with the workers that an agent before this one has left. Then it is on the disk where those that it
    /// starts tell their state, lest one be nobody's if this agent dies before it is written down.
    func open() async throws(UVError) {
        guard notifications == nil else { return }
        let ledger = await ledgerFile.read()
        notifications = try openNotifications(ledger)
        logs = WorkerLogs(in: configuration.logFolder, on: loop, logger: configuration.logger) { [unowned self] in
            workers.values.map(log)
        }
        if let ledger { await adopt(ledger) }
        ledgerFile.write { self.ledger }
        await ledgerFile.finish()
    }

    /// Starts a worker, and goes on to see that there is one until ``stop(id:)``.
    /// - Throws: When the slot's socket cannot be opened; then there is no such worker.
    func start(_ slot: WorkerSlot, _ spec: WorkerSpec) throws(UVError) {
        guard !isHandingOver else { return }
        let socket = try socket(of: slot, spec)
        let worker = try makeWorker(slot, spec, socket, socket.address)
        judge(worker)
        worker.process.start()
    }

    func makeWorker(
        _ slot: WorkerSlot, _ spec: WorkerSpec, _ socket: SlotSocket?, _ address: SocketAddress
    ) throws(UVError) -> Worker {
        lastID += 1
        let id = lastID
        let supervision = Supervision(
            policy: spec.restart, startTimeout: spec.startTimeout, stopTimeout: spec.stopTimeout,
            watchdog: spec.watchdog)
        let process = try SupervisedProcess(
            supervision, on: loop, onStart: { Task(executorPreference: self.loop) { await self.launch(id) } },
            onReady: { self.processSaysReady(id) }, exit: { self.exit(of: id, by: $0) },
            onExit: { self.processDidExit(of: id, hadServed: $0) },
            onChange: { self.processDidChange(of: id) })
        let worker = Worker(
            id: id, slot: slot, spec: spec, process: process, socket: socket, address: address,
            graceTimer: try Timer(on: loop))
        workers[id] = worker
        return worker
    }

    /// What the cluster will not have tried any more.
    func obey(_ quarantines: [ApplicationName: Quarantine]) {
        self.quarantines = quarantines
        for worker in workers.values where !worker.isUnwanted { judge(worker) }
    }

    private func judge(_ worker: Worker) {
        worker.process.judge(isQuarantined: quarantines[worker.slot.application]?.worker == worker.spec)
    }

    /// Lets a worker drain, and ends it for good. Idempotent.
    ///
    /// With a `grace`, and where a successor listens elsewhere, it counts as draining at once and is asked to only when
    /// the balancers have heard of it: nothing new comes when it closes.
    func stop(id: Int, after grace: Duration = .zero) {
        guard let worker = workers[id], !worker.isUnwanted else { return }
        let grace = max(grace, hasSuccessorElsewhere(worker) ? Self.handoverGrace : .zero)
        guard grace > .zero else { return end(worker) }
        guard !worker.isRetiring else { return }
        worker.isRetiring = true
        onChange()
        Task(executorPreference: loop) {
            try? await Task.sleep(for: grace)
            await self.end(id: id)
        }
    }

    private func end(id: Int) {
        if let worker = workers[id] { end(worker) }
    }

    private func end(_ worker: Worker) {
        guard !worker.isUnwanted else { return }
        worker.isUnwanted = true
        worker.process.stop()
    }

    private func hasSuccessorElsewhere(_ worker: Worker) -> Bool {
        worker.supervision.recordState == .ready
            && workers.values.contains {
                $0.slot == worker.slot && $0.id > worker.id && $0.socket !== worker.socket
                    && $0.supervision.recordState == .ready
            }
    }

    /// Stops all and returns when the last process is gone: after the longest of their stop time-outs, at most, and
    /// what the kernel needs to kill.
    func stopAll() async {
        for id in workers.keys.sorted() { end(id: id) }
        await stopCommands()
        await idleWaiters.wait { !workers.isEmpty || leaving > 0 }
    }

    /// Kills what still runs and closes everything; returns when that is written down. Idempotent.
    func close() async {
        for worker in workers.values {
            worker.process.child?.signalGroup(SIGKILL)
            worker.close()
        }
        workers = [:]
        notifications?.close()
        notifications = nil
        logs?.close()
        logs = nil
        keeper.stop()
        idleWaiters.wake()
        ledgerFile.remove()
        await ledgerFile.finish()
    }

    /// Its folder was removed and made anew.
    func writeLedgerAnew() async {
        ledgerFile.forget()
        ledgerFile.write { self.ledger }
        await ledgerFile.finish()
    }

    // MARK: - Sockets

    /// The slot's, so that a successor takes over what waits. One that is to be checked, or is encrypted, gets its own:
    /// on a shared one its predecessor would answer for it.
    private func socket(of slot: WorkerSlot, _ spec: WorkerSpec) throws(UVError) -> SlotSocket {
        let present = workers.values.first { $0.slot == slot && $0.socket != nil && !$0.spec.isEncrypted }
        if spec.health == nil, !spec.isEncrypted, let socket = present?.socket { return socket }
        return try SlotSocket(binding: SocketAddress(host: configuration.address.host, port: 0))
    }

    /// The worker's, or another if it outlived its agent and had one that could not be taken over.
    func listeningSocket(of worker: Worker) throws(UVError) -> SlotSocket {
        if let socket = worker.socket { return socket }
        let socket = try socket(of: worker.slot, worker.spec)
        (worker.socket, worker.address) = (socket, socket.address)
        return socket
    }

    // MARK: - Processes

    private func processDidChange(of id: Int) {
        guard let worker = workers[id] else { return }
        if worker.process.child != nil { worker.lastWords = nil }
        if worker.isEnded, worker.isUnwanted { remove(worker) }
        updateKeeper()
        ledgerFile.write { self.ledger }
        onChange()
    }

    private func updateKeeper() {
        if workers.isEmpty {
            keeper.stop()
        } else if workers.values.contains(where: { $0.process.child != nil }) {
            startKeeper()
        }
    }

    /// Idempotent.
    func startKeeper() {
        if let notifications { keeper.start(notificationAddress: notifications.name) }
    }

    func remove(_ worker: Worker) {
        worker.close()
        workers[worker.id] = nil
        idleWaiters.wake()
    }

    /// Whom the kernel kills for its memory ends like one whom anybody kills; its control group knows better.
    private func exit(of id: Int, by status: ChildProcess.Termination) -> WorkerExit {
        let exit = WorkerExit(status)
        guard [.signal(SIGKILL), .unknown].contains(exit), let group = workers[id]?.place?.controlGroup,
            let limit = ControlGroups.memoryDeath(in: group)
        else { return exit }
        return .outOfMemory(limit)
    }

    private func processDidExit(of id: Int, hadServed: Bool) {
        guard let worker = workers[id] else { return }
        leavePlace(of: worker)
        if hadServed { worker.beginGrace { self.onChange() } }
        if !worker.isUnwanted { Task(executorPreference: loop) { await self.learnLastWords(of: id) } }
        configuration.logger.log(
            level: worker.isUnwanted ? .info : .warning, "a worker has ended",
            metadata: [
                "worker": "\(worker.slot)", "reason": "\(worker.supervision.message(at: loop.now))",
                "log": "\(log(of: worker).path)",
            ])
    }

    /// Why a program gave up is mostly the last thing that it printed.
    private func learnLastWords(of id: Int) async {
        guard let (log, start) = workers[id].map({ (log(of: $0), $0.logStart) }) else { return }
        let line = await loop.offload { try? log.lastLine(from: start) }
        guard let worker = workers[id], worker.process.child == nil, let line else { return }
        worker.lastWords = line
        onChange()
    }

    func receive(_ message: NotificationSocket.Message) {
        guard let worker = sender(of: message) else {
            strangeMessages &+= 1
            return
        }
        worker.process.receive(message)
    }

    /// By the process's number, for which the kernel vouches, or by that of its group: what a worker has started speaks
    /// for it. The user says nothing, since many may have one.
    private func sender(of message: NotificationSocket.Message) -> Worker? {
        if let worker = workers.values.first(where: { $0.process.child?.pid == message.pid }) { return worker }
        guard let group = ProcessStatus(of: message.pid)?.group else { return nil }
        return workers.values.first { $0.process.child?.group == group }
    }

    // MARK: - Logs

    func log(of worker: Worker) -> WorkerLog {
        WorkerLog(of: worker.slot, in: configuration.logFolder)
    }
}
