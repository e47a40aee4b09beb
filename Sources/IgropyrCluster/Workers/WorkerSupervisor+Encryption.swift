internal import Glibc
internal import IgropyrOrchestration
internal import IgropyrTransport
internal import IgropyrUV
internal import Logging

/// Workers that take requests by TLS only, under keys made from the cluster's.
extension WorkerSupervisor {
    /// The cluster's keys are these now, the one in use first.
    func use(_ keys: [ClusterKey]) {
        clusterKeys = keys
        for worker in workers.values {
            worker.keys?.isOutdated = true
            renewKeys(of: worker)
        }
    }

    /// Before its process is made ready.
    /// - Throws: Why it cannot have any.
    func makeKeys(for worker: Worker) throws(EncryptionError) {
        guard worker.spec.isEncrypted else { return }
        guard !clusterKeys.isEmpty else { throw .noKey }
        do throws(TLSError) {
            worker.keys = try WorkerKeys(keys(of: worker))
        } catch { throw .system(error.description) }
    }

    /// For a process that runs already, with whichever keys the last agent gave it.
    func adoptKeys(for worker: Worker, isReady: Bool) throws {
        try makeKeys(for: worker)
        worker.keys?.isProven = isReady
        worker.keys?.isOutdated = true
        if isReady { renewKeys(of: worker) } else { try startProof(of: worker) }
    }

    private func keys(of worker: Worker) -> [PreSharedKey] {
        clusterKeys.map { $0.worker(of: worker.slot.application) }
    }

    func startProof(of worker: Worker) throws(UVError) {
        guard let keys = worker.keys, let tls = keys.kind.tls else { return }
        let id = worker.id
        keys.probe = try HandshakeProbe(at: worker.address, tls: tls, on: loop) { self.take($0, of: id) }
    }

    private func take(_ verdict: HandshakeProbe.Verdict, of id: Int) {
        guard let worker = workers[id], let keys = worker.keys else { return }
        switch verdict {
        case .encrypted:
            keys.isProven = true
            if keys.isAwaited { becameReady(worker) }
        case .plain: worker.process.becameUnfit(EncryptionError.plainText.description)
        }
    }

    /// Once it is ready it hears the signal; before, and while it drains, that would end it.
    func renewKeys(of worker: Worker) {
        guard let keys = worker.keys, !keys.isBeingRenewed, wantsKeys(worker) else { return }
        keys.isBeingRenewed = true
        let id = worker.id
        Task(executorPreference: loop) { await self.renewKeys(of: id) }
    }

    private func wantsKeys(_ worker: Worker) -> Bool {
        worker.keys?.isOutdated == true && hearsSignals(worker) && !clusterKeys.isEmpty
    }

    private func hearsSignals(_ worker: Worker) -> Bool {
        worker.supervision.recordState == .ready && !worker.process.saysStopping
    }

    /// One after the other, since the last that is written counts.
    private func renewKeys(of id: Int) async {
        guard let old = workers[id]?.keys else { return }
        while let worker = workers[id], worker.keys === old, let place = worker.place, wantsKeys(worker) {
            old.isOutdated = false
            let keys = keys(of: worker)
            do {
                try await loop.offload { () throws(FileError) in try WorkerKeys.write(keys, to: place.keyFile) }
                try old.replace(by: keys)
            } catch {
                configuration.logger.error(
                    "a worker cannot be given the cluster's changed keys",
                    metadata: ["worker": "\(worker.slot)", "reason": "\(error)"])
                break
            }
            guard worker.keys === old else { return }
            worker.checks?.use(old.kind)
            if hearsSignals(worker) { worker.process.child?.signal(SIGHUP) }
        }
        old.isBeingRenewed = false
    }
}

/// Why an encrypted worker cannot be one; a line with what to do.
enum EncryptionError: Error, CustomStringConvertible {
    case noKey
    case plainText
    case system(String)

    var description: String {
        switch self {
        case .noKey:
            "the application is deployed with --encrypt, and this node has no cluster key: give it one, or deploy it without"
        case .plainText:
            "the application is deployed with --encrypt, but its program answers in plain text: build it with an Igropyr "
                + "that knows of it, or deploy it without"
        case .system(let reason): reason
        }
    }
}
