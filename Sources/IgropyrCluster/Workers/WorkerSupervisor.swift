internal import Glibc
internal import IgropyrOrchestration
internal import IgropyrTime
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
        var site: WorkerPlace.Site
        /// What secrets may be under; the key in use first.
        var keys: Locked<[ClusterKey]>
        var logger: Logger
    }

    /// How often the size of the logs is looked at.
    private static let logInterval: Duration = .seconds(10)

    /// As a node that leaves gives the balancers.
    private static let handoverGrace: Duration = .milliseconds(300)

    nonisolated let loop: EventLoop
    private let configuration: Configuration
    private let store: BundleStore
    private let onChange: @Sendable () -> Void
    private var workers: [Int: Worker] = [:]
    private var lastID = 0
    private var notifications: NotificationSocket?
    private var logTimer: Timer?
    private let idleWaiters = WaitingTasks()
    /// Places of processes that have ended, on their way out.
    private var leaving = 0
    /// Messages from processes that are none of our workers.
    private(set) var strangeMessages = 0

    /// Calls `onChange` on the loop after each change of ``localWorkers`` or ``records()``.
    init(
        _ configuration: Configuration, store: BundleStore, on loop: EventLoop, onChange: @escaping @Sendable () -> Void
    ) {
        self.configuration = configuration
        self.store = store
        self.loop = loop
        self.onChange = onChange
    }

    // MARK: - What it has

    var localWorkers: [LocalWorker] { workers.values.map { $0.local(at: loop.now) }.sorted { $0.id < $1.id } }

    /// For the host's record, by slot; `gates` by id.
    func records(gates: [Int: HealthGate.Verdict] = [:]) -> [WorkerRecord] {
        workers.values.sorted { ($0.slot, $0.id) < ($1.slot, $1.id) }
            .map { $0.record(address: configuration.advertisedHost, gate: gates[$0.id], at: loop.now) }
    }

    // MARK: - Life

    func open() throws(UVError) {
        guard notifications == nil else { return }
        notifications = try NotificationSocket(on: loop) { self.receive($0) }
        logTimer = try Timer(on: loop)
        scheduleLogs()
    }

    /// Starts a worker, and goes on to see that there is one until ``stop(id:)``.
    /// - Throws: When the slot's socket cannot be opened; then there is no such worker.
    func start(_ slot: WorkerSlot, _ spec: WorkerSpec) throws(UVError) {
        let socket = try socket(of: slot, isShared: spec.health == nil)
        let timer = try Timer(on: loop)
        lastID += 1
        let worker = Worker(id: lastID, slot: slot, spec: spec, socket: socket, timer: timer)
        workers[worker.id] = worker
        carryOut(worker.supervision.handleStart(at: loop.now), for: worker)
    }

    /// Lets a worker drain, and ends it for good. Idempotent.
    ///
    /// With a `grace`, and where a successor listens elsewhere, it counts as draining at once and is asked to only when the
    /// balancers have heard of it: nothing new comes when it closes.
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
        carryOut(worker.supervision.handleStop(at: loop.now), for: worker)
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
        await idleWaiters.wait { !workers.isEmpty || leaving > 0 }
    }

    /// Kills what still runs and closes everything. Idempotent.
    func close() {
        for worker in workers.values {
            worker.checks?.stop()
            worker.child?.signalGroup(SIGKILL)
            worker.child?.close()
            worker.timer.close()
        }
        workers = [:]
        notifications?.close()
        notifications = nil
        logTimer?.close()
        logTimer = nil
        idleWaiters.wake()
    }

    /// The slot's, so that a successor takes over what waits. One that is to be checked gets its own: on a shared one its
    /// predecessor would answer for it.
    private func socket(of slot: WorkerSlot, isShared: Bool) throws(UVError) -> SlotSocket {
        if isShared, let present = workers.values.first(where: { $0.slot == slot }) { return present.socket }
        return try SlotSocket(binding: SocketAddress(host: configuration.address.host, port: 0))
    }

    // MARK: - Carrying out

    private func carryOut(_ action: Supervision.Action?, for worker: Worker) {
        switch action {
        case .start:
            let id = worker.id
            Task(executorPreference: loop) { await self.launch(id) }
        case .terminate: worker.child?.signal(SIGTERM)
        case .kill: worker.child?.signalGroup(SIGKILL)
        case nil: break
        }
        worker.updateMessage(at: loop.now)
        if worker.isEnded, worker.isUnwanted { remove(worker) } else { rearm(worker) }
        onChange()
    }

    private func remove(_ worker: Worker) {
        worker.timer.close()
        workers[worker.id] = nil
        idleWaiters.wake()
    }

    private func rearm(_ worker: Worker) {
        guard let deadline = worker.deadline else { return worker.timer.cancel() }
        let delay = max(.zero, loop.now.duration(to: deadline))
        try? worker.timer.start(after: delay) { self.timerDidFire(worker) }  // Fails only once closed.
    }

    private func timerDidFire(_ worker: Worker) {
        if let until = worker.countsAsReadyUntil, loop.now >= until { worker.countsAsReadyUntil = nil }
        carryOut(worker.supervision.handleTimeout(at: loop.now), for: worker)
    }

    // MARK: - Processes

    /// What is made for a process before it starts.
    private struct Preparation {
        var folder: String
        /// The path of its program; nil for a site.
        var entry: String?
        var log: SharedFile
        var place: WorkerPlace
        var confines: Confines
        var secrets: OpenedSecrets
    }

    /// Unpacks the bundle if need be, makes a place, then starts the process.
    private func launch(_ id: Int) async {
        guard let worker = workers[id], let notifications else { return }
        let (store, log, site) = (store, log(of: worker), configuration.site)
        let (slot, spec) = (worker.slot, worker.spec)
        let sealing = SecretSealing(keys: configuration.keys.withLock { $0 })
        let outcome: Result<Preparation, any Error> = await loop.offload {
            do {
                let folder = try store.extracted(spec.revision)
                let entry = try spec.kind.entry(in: folder)
                let file = try log.opened()
                let secrets = try OpenedSecrets(spec.secrets, of: slot.application, sealing)
                let (place, confines) = try WorkerPlace.make(for: slot, spec.confinement, bundle: folder, at: site)
                return .success(
                    Preparation(
                        folder: folder, entry: entry, log: file, place: place, confines: confines, secrets: secrets))
            } catch { return .failure(error) }
        }
        let preparation = try? outcome.get()
        guard workers[id] === worker, case .starting = worker.supervision.state else {
            if let preparation { leave(preparation.place) }
            // Stopped while the bundle was unpacked.
            return exited(worker, .signal(SIGTERM))
        }
        guard let preparation else {
            if case .failure(let error) = outcome { failed(worker, "\(error)") }
            return
        }
        worker.place = preparation.place
        var confines = preparation.confines
        if !preparation.secrets.files.isEmpty {
            confines.secretFolder = preparation.place.secretFolder
            confines.secretFiles = preparation.secrets.files
        }
        let command = WorkerCommand(
            slot: slot, spec: spec, folder: preparation.folder, entry: preparation.entry, confines: confines,
            secrets: preparation.secrets.variables, port: worker.socket.address.port,
            notificationAddress: notifications.name)
        spawn(worker, command, preparation.log)
    }

    private func startChecks(of worker: Worker) throws(UVError) {
        guard let check = worker.spec.health else { return }
        let id = worker.id
        worker.checks = try WorkerChecks(check, of: worker.socket.address, on: loop) { verdict, reason in
            self.take(verdict, reason, of: id)
        }
    }

    private func take(_ verdict: HealthWatch.Verdict, _ reason: String, of id: Int) {
        guard let worker = workers[id] else { return }
        switch verdict {
        case .ready: becameReady(worker)
        case .unwell:
            let count = worker.spec.health?.failures ?? 0
            let why = "failed \(count) health checks in a row (\(reason))"
            carryOut(worker.supervision.handleUnwell(why, at: loop.now), for: worker)
        }
    }

    private func becameReady(_ worker: Worker) {
        worker.supervision.handleReady(at: loop.now)
        worker.countsAsReadyUntil = nil
        carryOut(nil, for: worker)
    }

    private func leavePlace(of worker: Worker) {
        worker.checks?.stop()
        worker.checks = nil
        guard let place = worker.place else { return }
        worker.place = nil
        leave(place)
    }

    private func leave(_ place: WorkerPlace) {
        leaving += 1
        let host = configuration.site.host
        Task(executorPreference: loop) { await self.remove(place, of: host) }
    }

    private func remove(_ place: WorkerPlace, of host: HostConfinement) async {
        await loop.offload { place.remove(of: host) }
        leaving -= 1
        idleWaiters.wake()
    }

    private func spawn(_ worker: Worker, _ command: WorkerCommand, _ output: SharedFile) {
        do throws(UVError) {
            let command = command.command(
                configuration.settings, log: output.file.descriptor, socket: worker.socket.descriptor)
            worker.saysStopping = false
            worker.lastWords = nil
            worker.child = try ChildProcess(on: loop, command) { status in
                worker.child = nil
                self.exited(worker, WorkerExit(status))
            }
            worker.startedAt = .now
            try startChecks(of: worker)
            onChange()
        } catch { failed(worker, "\(error)") }
    }

    private func failed(_ worker: Worker, _ reason: String) {
        leavePlace(of: worker)
        let action = worker.supervision.handleSpawnFailure(reason, at: loop.now, jitter: .random(in: 0..<1))
        note(worker)
        carryOut(action, for: worker)
    }

    private func exited(_ worker: Worker, _ status: WorkerExit) {
        leavePlace(of: worker)
        guard workers[worker.id] === worker else { return }
        let hadServed = worker.supervision.recordState == .ready && !worker.saysStopping
        let action = worker.supervision.handleExit(status, at: loop.now, jitter: .random(in: 0..<1))
        worker.countsAsReadyUntil = hadServed ? worker.graceEnd(at: loop.now) : nil
        if !worker.isUnwanted {
            let id = worker.id
            Task(executorPreference: loop) { await self.learnLastWords(of: id) }
        }
        note(worker)
        carryOut(action, for: worker)
    }

    /// Why a program gave up is mostly the last thing that it printed.
    private func learnLastWords(of id: Int) async {
        guard let log = workers[id].map(log) else { return }
        let line = await loop.offload { try? log.lastLine() }
        guard let worker = workers[id], worker.child == nil, let line else { return }
        worker.lastWords = line
        onChange()
    }

    private func note(_ worker: Worker) {
        configuration.logger.log(
            level: worker.isUnwanted ? .info : .warning, "a worker has ended",
            metadata: [
                "worker": "\(worker.slot)", "message": "\(worker.supervision.message(at: loop.now))",
                "log": "\(log(of: worker).path)",
            ])
    }

    private func receive(_ message: NotificationSocket.Message) {
        // The kernel vouches for the number.
        guard let worker = workers.values.first(where: { $0.child?.pid == message.pid }) else {
            strangeMessages &+= 1
            return
        }
        // `WATCHDOG=1` needs no answer: no interval was promised.
        let lines = message.text.split(separator: "\n")
        if lines.contains("READY=1"), worker.spec.health == nil { becameReady(worker) }
        if lines.contains("STOPPING=1") { worker.saysStopping = true }
        carryOut(nil, for: worker)
    }

    // MARK: - Logs

    private func log(of worker: Worker) -> WorkerLog {
        WorkerLog(of: worker.slot, in: configuration.logFolder)
    }

    private func scheduleLogs() {
        try? logTimer?.start(after: Self.logInterval) {  // Fails only once closed.
            Task(executorPreference: self.loop) { await self.rotateLogs() }
        }
    }

    private func rotateLogs() async {
        let logs = workers.values.map(log)
        do throws(FileError) {
            try await loop.offload { () throws(FileError) in
                for log in logs { try log.rotateIfFull() }
            }
        } catch {
            configuration.logger.warning("cannot rotate a worker's log", metadata: ["error": "\(error)"])
        }
        scheduleLogs()
    }
}

extension WorkerExit {
    init(_ status: ChildProcess.Termination) {
        self =
            switch status {
            case .exited(let code): .code(Int32(clamping: code))
            case .killed(let signal): .signal(signal)
            }
    }
}
