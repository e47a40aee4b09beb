internal import FoundationEssentials
internal import IgropyrBundles
internal import IgropyrOrchestration
internal import IgropyrTime
internal import IgropyrUV
internal import Logging

/// The bundles of this host: what clients send and peers ask, and which go.
extension HostAgent {
    func reply(
        to transfer: ControlOperation.BundleTransfer, _ digest: BundleDigest, _ body: [UInt8]
    ) async -> ControlReply {
        guard let parts else { return refusalWithoutParts }
        let store = parts.store
        switch transfer {
        case .index: return await answering { () throws(BundleError) in .bytes(try store.index(digest).bytes) }
        case .holdings: return await holdings(of: digest, parts)
        case .offer: return await take(digest, body, parts)
        }
    }

    func reply(
        to transfer: ControlOperation.ChunkTransfer, _ chunk: ChunkDigest, of digest: BundleDigest, _ body: [UInt8]
    ) async -> ControlReply {
        guard let parts else { return refusalWithoutParts }
        let store = parts.store
        switch transfer {
        case .fetch: return await answering { () throws(BundleError) in .bytes(try store.read(chunk)) }
        case .store: return await take(chunk, of: digest, body, parts)
        }
    }

    private func answering(_ answer: @escaping @Sendable () throws(BundleError) -> ControlReply) async -> ControlReply {
        do throws(BundleError) {
            return try await loop.offload(answer)
        } catch { return Self.refusal(error) }
    }

    private func holdings(of digest: BundleDigest, _ parts: Parts) async -> ControlReply {
        if let held = await parts.fetcher.held[digest] { return .json(ChunkHoldings(held: Data(held.bytes))) }
        guard bundles.whole.contains(digest) else {
            return .refusal(404, "this host does not hold the bundle \(digest)")
        }
        let store = parts.store
        return await answering { () throws(BundleError) in
            let all = ChunkSet.all(of: try store.index(digest).distinctChunks.count)
            return .json(ChunkHoldings(held: Data(all.bytes)))
        }
    }

    // MARK: - Uploads

    /// Says which chunks of a bundle are missing; if none, checks that it can be unpacked and keeps it.
    private func take(_ digest: BundleDigest, _ body: [UInt8], _ parts: Parts) async -> ControlReply {
        guard isRunning else { return .refusal(503, "the node \(name) is stopping: use another one") }
        guard let index = try? BundleIndex(bytes: body) else {
            return .refusal(422, "this is no index of a bundle: use the igropyr of this edition to deploy")
        }
        guard index.digest == digest else {
            return .refusal(409, "the index that arrived is \(index.digest), not \(digest): send it again")
        }
        do throws(BundleError) {
            if bundles.whole.contains(digest) {
                bundles.times[digest] = .now  // Its deployment may be on its way.
                return .json(OfferAnswer(missing: Data(ChunkSet(capacity: index.distinctChunks.count).bytes)))
            }
            bundles.uploads.begin(index, at: loop.now)
            bundles.times[digest] = .now
            let held = try await begin(index, parts)
            if held.isFull { try await complete(index, parts) }
            return .json(OfferAnswer(missing: Data(held.inverted.bytes)), status: held.isFull ? 201 : 202)
        } catch { return refuse(error) }
    }

    /// Makes room by giving up earlier revisions where it has to.
    private func begin(_ index: BundleIndex, _ parts: Parts) async throws(BundleError) -> ChunkSet {
        let store = parts.store
        let begin = { @Sendable () throws(BundleError) in
            try store.begin(index)
            return store.stock(of: index)
        }
        do throws(BundleError) {
            return try await loop.offload(begin)
        } catch {
            guard error.code == .diskFull, await makeRoom(parts) else { throw error }
            return try await loop.offload(begin)
        }
    }

    private func complete(_ index: BundleIndex, _ parts: Parts) async throws(BundleError) {
        let (store, digest) = (parts.store, index.digest)
        defer { bundles.uploads.end(digest) }
        try await loop.offload { () throws(BundleError) in
            try store.complete(digest, durably: true)
            do throws(BundleError) {
                _ = try store.extracted(digest)
            } catch {
                try? store.remove([digest])
                throw error
            }
        }
        problems[.disk] = nil
        bundles.misfits[digest] = index.misfit
        await didStore(digest, parts)
    }

    private func take(
        _ chunk: ChunkDigest, of digest: BundleDigest, _ body: [UInt8], _ parts: Parts
    ) async -> ControlReply {
        guard isRunning else { return .refusal(503, "the node \(name) is stopping: use another one") }
        guard bundles.uploads.expects(chunk, of: digest, at: loop.now) else {
            return .refusal(409, "the bundle \(digest.short) was not offered with such a chunk: offer it again")
        }
        let store = parts.store
        do throws(BundleError) {
            try await loop.offload { () throws(BundleError) in try store.write(body, as: chunk) }
            return .json(DoneMessage(), status: 201)
        } catch { return refuse(error) }
    }

    private func refuse(_ error: BundleError) -> ControlReply {
        if error.code == .diskFull { problems[.disk] = error.description }
        return Self.refusal(error)
    }

    private static func refusal(_ error: BundleError) -> ControlReply {
        let status =
            switch error.code {
            case .missing: 404
            case .digestMismatch: 409
            case .tooLarge, .tooManyEntries: 413
            case .diskFull: 507
            case .storage: 500
            case .noApplication, .notExecutable, .unsupportedEntry, .escapes, .changed, .damaged: 422
            }
        return .refusal(status, error.description)
    }

    // MARK: - Fetches

    func didFetch(_ outcome: BundleFetcher.Outcome) async {
        guard let parts else { return }
        switch outcome {
        case .stored(let digest):
            problems[.bundle(digest)] = nil
            agenda.fetchFailures.forget(digest)
            await didStore(digest, parts)
        case .unfit(let digest, let reason):
            problems[.bundle(digest)] = reason
            bundles.misfits[digest] = reason
            agenda.fetchFailures.forget(digest)
            setNeedsUpdate()
        case .failed(let digest, let reason, let hasProgressed, let isDiskFull):
            problems[.bundle(digest)] = reason
            let snapshot = await parts.replica.snapshot
            let isHeld = !snapshot.state.holders(of: digest, alive: snapshot.alive).isEmpty
            agenda.fetchFailures.handleFailure(
                of: digest, reason, isHeld: isHeld, hasProgressed: hasProgressed, at: loop.now)
            if isDiskFull { _ = await makeRoom(parts) }
            setNeedsUpdate()
        }
    }

    private func didStore(_ digest: BundleDigest, _ parts: Parts) async {
        bundles.insert(digest, at: .now)
        await publish(parts)
        setNeedsUpdate()
    }

    /// For the host's record: why slots that it should fill stay empty. No rollout waits for those that there is no
    /// program for; by those whose bundle does not come it fails.
    func absentWorkers(
        of desired: [WorkerSlot: WorkerSpec], unfetched: [WorkerSlot: String]
    ) -> [WorkerRecord] {
        desired.sorted { $0.key < $1.key }.compactMap { slot, spec in
            let misfit = bundles.misfits[spec.revision]
            guard let reason = misfit ?? unfetched[slot] else { return nil }
            return WorkerRecord(
                application: slot.application, index: slot.index, revision: spec.revision, address: advertisedHost,
                port: 0, state: misfit == nil ? .backoff : .failed, message: WorkerRecord.message(from: reason),
                fingerprint: spec.fingerprint, gate: misfit == nil ? .failed : .available)
        }
    }

    /// A bundle that proved damaged on the disk is whole no longer, while its worker waits for the next try.
    func forgetDamagedBundles(of workers: [LocalWorker], _ parts: Parts) async {
        let waiting = workers.filter { $0.state == .backoff || $0.state == .failed }.map(\.spec.revision)
        let (suspects, store) = (bundles.whole.intersection(waiting), parts.store)
        guard !suspects.isEmpty else { return }
        bundles.whole.subtract(await loop.offload { suspects.filter { !store.contains($0) } })
    }

    // MARK: - What goes

    func retention(
        _ state: ReplicatedState, _ workers: [LocalWorker], _ fetching: Set<BundleDigest>
    ) -> BundleRetention {
        let needed = state.referencedBundles.union(workers.map(\.spec.revision)).union(fetching)
        return BundleRetention(
            needed: needed.union(bundles.uploads.digests(at: loop.now)), history: state.revisions, stored: bundles.times
        )
    }

    /// Gives up all that nothing needs at present. Returns whether there was anything.
    private func makeRoom(_ parts: Parts) async -> Bool {
        let state = await parts.replica.state
        let retention = retention(state, await parts.supervisor.localWorkers, await parts.fetcher.fetching)
        let dispensable = retention.dispensable(at: .now)
        await remove(dispensable, parts)
        return !dispensable.isEmpty
    }

    func remove(_ digests: Set<BundleDigest>, _ parts: Parts) async {
        guard !digests.isEmpty else { return }
        bundles.remove(digests)
        configuration.logger.info(
            "removing bundles that nothing needs", metadata: ["bundles": "\(digests.map(\.short).sorted())"])
        let store = parts.store
        do throws(BundleError) {
            try await loop.offload { () throws(BundleError) in try store.remove(digests) }
        } catch {
            configuration.logger.warning("cannot remove bundles", metadata: ["reason": "\(error)"])
        }
    }

    /// When the next bundle may be old enough to go.
    var nextRemoval: Timestamp? {
        let grace = BundleRetention.graceMilliseconds
        let ages = bundles.times.values.map { UnixTime.now.milliseconds(since: $0) }.filter { 0..<grace ~= $0 }
        return ages.max().map { loop.now.advanced(by: .milliseconds(grace - $0 + 1)) }
    }
}
