internal import IgropyrOrchestration
internal import IgropyrTransport
internal import IgropyrUV

/// How a worker's process comes to be, with what it has to itself, and what becomes of that.
extension WorkerSupervisor {
    /// What is made for a process before it starts.
    struct Preparation {
        var folder: String
        /// The path of its program; nil for a site.
        var entry: String?
        var log: SharedFile
        /// How much is in the log already: others' words.
        var logStart: Int64
        var place: WorkerPlace
        var confines: Confines
        /// Secrets that are variables; those that are files are in the place.
        var secrets: [String: String]
        /// Where it talks to others of its application.
        var topics: String?

        func surroundings(of worker: Worker) -> WorkerSurroundings {
            WorkerSurroundings(
                slot: worker.slot, spec: worker.spec, confines: confines, secrets: secrets, topics: topics)
        }
    }

    /// Unpacks the bundle if need be, makes a place, then starts the process.
    func launch(_ id: Int) async {
        guard let worker = workers[id] else { return }
        do throws(EncryptionError) { try makeKeys(for: worker) } catch { return worker.process.fail(error.description) }
        let outcome = await prepare(worker, keys: worker.keys?.keys ?? [])
        guard workers[id] === worker, !isHandingOver else {
            if case .success(let preparation) = outcome { leave(preparation.place) }
            return
        }
        switch outcome {
        case .failure(let error): worker.process.fail("\(error)")
        case .success(let preparation): start(worker, preparation)
        }
    }

    func prepare(_ worker: Worker, keys: [PreSharedKey]) async -> Result<Preparation, any Error> {
        let (store, log, site) = (store, log(of: worker), configuration.site)
        let (slot, spec) = (worker.slot, worker.spec)
        let topics = configuration.topics?.url(for: slot.application)
        let sealing = SecretSealing(keys: configuration.keys.withLock { $0 })
        return await loop.offload {
            do {
                let folder = try store.extracted(spec.revision)
                let entry = try spec.kind.entry(in: folder)
                let file = try log.opened()
                let logStart = try file.file.status().byteCount
                let secrets = try OpenedSecrets(spec.secrets, of: slot.application, sealing)
                let (place, confines) = try WorkerPlace.make(
                    for: slot, spec.confinement, bundle: folder, keys: keys, secrets: secrets.files, at: site)
                return .success(
                    Preparation(
                        folder: folder, entry: entry, log: file, logStart: logStart, place: place, confines: confines,
                        secrets: secrets.variables, topics: topics))
            } catch { return .failure(error) }
        }
    }

    private func start(_ worker: Worker, _ preparation: Preparation) {
        guard let notifications else { return }
        worker.place = preparation.place
        worker.logStart = preparation.logStart
        do throws(UVError) {
            let socket = try listeningSocket(of: worker)
            let command = WorkerCommand(
                surroundings: preparation.surroundings(of: worker), folder: preparation.folder,
                entry: preparation.entry, port: socket.address.port, notificationAddress: notifications.name)
            worker.lacks(
                worker.spec.health == nil
                    ? "it has not said READY=1 to NOTIFY_SOCKET, and has no health check in its place"
                    : "no check was answered yet")
            try startChecks(of: worker)
            try startProof(of: worker)
            startKeeper()  // Before there is anything to keep.
            worker.process.run(
                command.command(
                    configuration.settings, log: preparation.log.file.descriptor, socket: socket.descriptor))
        } catch { worker.process.fail("\(error)") }
    }

    // MARK: - Checks

    func startChecks(of worker: Worker, isReady: Bool = false) throws(UVError) {
        guard let check = worker.spec.health else { return }
        let id = worker.id
        let kind = worker.keys?.kind ?? .plain
        worker.checks = try WorkerChecks(
            check, of: worker.address, as: kind, isReady: isReady, on: loop
        ) { verdict, reason in
            self.take(verdict, reason, of: id)
        }
    }

    private func take(_ verdict: HealthWatch.Verdict, _ reason: String, of id: Int) {
        guard let worker = workers[id] else { return }
        switch verdict {
        case .notYet: worker.lacks(reason)
        case .ready: becameReady(worker)
        case .unwell:
            let count = worker.spec.health?.failures ?? 0
            worker.process.becameUnwell("failed \(count) health checks in a row (\(reason))")
        }
    }

    // MARK: - Readiness

    /// Where checks are made, they count, and not what it says.
    func processSaysReady(_ id: Int) {
        if let worker = workers[id], worker.spec.health == nil { becameReady(worker) }
    }

    /// But for the proof that it takes requests by its keys, if it has any.
    func becameReady(_ worker: Worker) {
        if let keys = worker.keys, !keys.isProven { return keys.isAwaited = true }
        worker.process.becameReady()
        renewKeys(of: worker)
    }

    // MARK: - Places

    /// The process has ended: what was its own goes, too.
    func leavePlace(of worker: Worker) {
        worker.checks?.stop()
        worker.checks = nil
        worker.keys?.stop()
        worker.keys = nil
        guard let place = worker.place else { return }
        worker.place = nil
        leave(place)
    }

    func leave(_ place: WorkerPlace) {
        leaving += 1
        Task(executorPreference: loop) { await self.remove(place) }
    }

    private func remove(_ place: WorkerPlace) async {
        await loop.offload { place.remove() }
        leaving -= 1
        idleWaiters.wake()
    }
}
