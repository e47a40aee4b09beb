internal import IgropyrOrchestration
internal import IgropyrTime
internal import IgropyrUV
internal import Logging

/// From the cluster's state to this host's workers.
extension HostAgent {
    /// Workers that start at a time: a host that gets many at once still serves.
    private static let startLimit = max(4, 2 * Int(cores))

    /// Soon looks again at what should be, and does what is missing; once for all changes until then.
    func setNeedsUpdate() {
        if isRunning { updates.request { await self.update() } }
    }

    private func update() async {
        guard isRunning, let parts else { return }
        await reconcile(parts)
        await publish(parts)
        rearm(parts)
    }

    private func rearm(_ parts: Parts) {
        let now = loop.now
        let times = [parts.searchEnd, nextRemoval].compactMap(\.self).filter { $0 > now }
        guard let due = (times + [agenda.deadline(after: now)].compactMap(\.self)).min() else {
            return parts.timer.cancel()
        }
        // Fails only once closed.
        try? parts.timer.start(after: now.duration(to: due)) { self.setNeedsUpdate() }
    }

    private func reconcile(_ parts: Parts) async {
        let snapshot = await parts.replica.snapshot
        await rememberPeers(parts)
        await tellOverruled(parts)
        // Alone for the moment, after a restart: what others run is not to be started here, too.
        if let searchEnd = parts.searchEnd, snapshot.alive.count <= 1, loop.now < searchEnd { return }
        let findings = agenda.look(
            at: snapshot.state, alive: snapshot.alive, failed: snapshot.failed, await parts.supervisor.localWorkers,
            at: loop.now)
        let (workers, desired) = (findings.workers, findings.desired)
        await parts.supervisor.obey(findings.quarantines)
        await conclude(findings.rollouts, parts)
        forgetProblems(except: desired)
        await resealSecrets(snapshot, parts)
        absentWorkers = absentWorkers(of: desired, unfetched: findings.unfetched)
        await forgetDamagedBundles(of: workers, parts)
        let fetching = await parts.fetcher.fetching
        let retention = retention(snapshot.state, workers, fetching)
        let reconciler = Reconciler(
            desired: desired, workers: workers, bundles: bundles.whole, fetching: fetching,
            misfits: Set(bundles.misfits.keys),
            retained: bundles.whole.subtracting(retention.unneeded(at: .now)), exclusive: findings.exclusive,
            startLimit: Self.startLimit)
        for action in reconciler.actions() where isRunning {
            await carryOut(action, parts, desired)
        }
        for revision in Set(workers.map(\.spec.revision)).subtracting(bundles.whole) {
            await parts.fetcher.fetch(revision)
        }
        await remove(retention.unneeded(at: .now).subtracting(bundles.whole), parts)
    }

    /// For the next start.
    private func rememberPeers(_ parts: Parts) async {
        let addresses = await parts.membership.rememberedPeers
        guard rememberedPeers != addresses else { return }
        rememberedPeers = addresses
        let (file, folder) = (PeerFile(addresses), parts.folder)
        do { try await loop.offload { try file.write(to: folder) } } catch {
            configuration.logger.warning("cannot write peers.json", metadata: ["reason": "\(error)"])
        }
    }

    private func forgetProblems(except desired: [WorkerSlot: WorkerSpec]) {
        let revisions = Set(desired.values.map(\.revision))
        problems = problems.filter { problem, _ in
            switch problem {
            case .disk, .folder, .keys: true
            case .bundle(let digest): revisions.contains(digest)
            case .slot(let slot): desired[slot] != nil
            }
        }
    }

    private func carryOut(
        _ action: Reconciler.Action, _ parts: Parts, _ desired: [WorkerSlot: WorkerSpec]
    ) async {
        switch action {
        case .fetchBundle(let digest):
            bundles.times[digest] = bundles.times[digest] ?? .now
            await parts.fetcher.fetch(digest)
        case .stopWorker(let id):
            // Where a slot goes on, its socket does, too, and nobody needs to be told.
            let worker = await parts.supervisor.localWorkers.first { $0.id == id }
            let isLeaving = worker.map { $0.state == .ready && desired[$0.slot] == nil } ?? false
            await parts.supervisor.stop(id: id, after: isLeaving ? configuration.leaveGrace : .zero)
        case .startWorker(let slot, let spec):
            do {
                try await parts.supervisor.start(slot, spec)
                problems[.slot(slot)] = nil
            } catch {
                problems[.slot(slot)] = "the worker \(slot) has no socket: \(error)"
            }
        case .removeBundle(let digest): await remove([digest], parts)
        }
    }
}
