internal import IgropyrBundles
internal import IgropyrOrchestration
internal import IgropyrUV
internal import Logging

/// Gets bundles from the nodes that hold them or are getting them, too, again and again until it is told to stop or the
/// bundle is no longer asked for.
actor BundleFetcher: LoopBound {
    enum Outcome: Sendable {
        case stored(BundleDigest)
        /// It holds nothing for this host's machine; why, for people.
        case unfit(BundleDigest, String)
        /// For people, and whether a part of it has come; the bundle may be asked for again at once.
        case failed(BundleDigest, String, hasProgressed: Bool, isDiskFull: Bool)
    }

    /// Bundles on their way at once; the others wait for their turn, which comes with the next look at what is missing.
    private static let limit = 4
    private static let shortestPause: Duration = .milliseconds(200)
    private static let longestPause: Duration = .seconds(10)
    /// Hosts asked for one bundle: of those that hold it, and of those that should.
    private static let holderLimit = 8
    private static let companionLimit = 16

    nonisolated let loop: EventLoop
    let store: BundleStore
    private let replica: Replica
    let client: ControlClient
    private let host: HostName
    private let logger: Logger
    private let onOutcome: @Sendable (Outcome) async -> Void
    private var tasks: [BundleDigest: Task<Void, Never>] = [:]
    /// What is here of the bundles on their way, for others that ask.
    var held: [BundleDigest: ChunkSet] = [:]
    /// In a row.
    private var failures: [BundleDigest: Int] = [:]
    private var isStopped = false

    init(
        store: BundleStore, replica: Replica, client: ControlClient, host: HostName, logger: Logger,
        on loop: EventLoop, onOutcome: @escaping @Sendable (Outcome) async -> Void
    ) {
        self.store = store
        self.replica = replica
        self.client = client
        self.host = host
        self.logger = logger
        self.loop = loop
        self.onOutcome = onOutcome
    }

    var fetching: Set<BundleDigest> { Set(tasks.keys) }

    func fetch(_ digest: BundleDigest) {
        guard tasks[digest] == nil, tasks.count < Self.limit, !isStopped else { return }
        tasks[digest] = Task(executorPreference: loop) { await self.run(digest) }
    }

    func stop() async {
        isStopped = true
        let running = tasks.values
        for task in running { task.cancel() }
        for task in running { await task.value }
    }

    private func run(_ digest: BundleDigest) async {
        let outcome = await attempt(digest)
        held[digest] = nil
        switch outcome {
        case .stored, .unfit: failures[digest] = nil
        case .failed(_, let reason, _, _):
            let count = failures[digest, default: 0]
            failures[digest] = count + 1
            logger.log(
                level: count == 1 ? .warning : .debug, "could not fetch a bundle; trying again",
                metadata: ["bundle": "\(digest.short)", "reason": "\(reason)"])
            try? await Task.sleep(for: min(Self.longestPause, Self.shortestPause * (1 << min(count, 10))))
        }
        tasks[digest] = nil
        await onOutcome(outcome)
    }

    private func attempt(_ digest: BundleDigest) async -> Outcome {
        var stock = 0
        do {
            let index = try await index(of: digest)
            if let misfit = index.misfit { return .unfit(digest, misfit) }
            let store = store
            let held = try await loop.offload { () throws(BundleError) in
                try store.begin(index)
                return store.stock(of: index)
            }
            stock = held.count
            let fetched = try await transfer(index, held: held)
            try await loop.offload { () throws(BundleError) in try store.complete(digest, durably: false) }
            logger.info(
                "fetched a bundle",
                metadata: [
                    "bundle": "\(digest.short)", "bytes": "\(index.byteCount)", "fetched": "\(fetched)",
                ])
            return .stored(digest)
        } catch let error as BundleError {
            return failed(digest, error.description, since: stock, isDiskFull: error.code == .diskFull)
        } catch {
            return failed(digest, "\(error)", since: stock, isDiskFull: false)
        }
    }

    /// `stock` is how many chunks were here when it began.
    private func failed(_ digest: BundleDigest, _ reason: String, since stock: Int, isDiskFull: Bool) -> Outcome {
        let hasProgressed = (held[digest]?.count ?? 0) > stock
        return .failed(digest, reason, hasProgressed: hasProgressed, isDiskFull: isDiskFull)
    }

    /// From an earlier attempt, or from the first host that tells.
    private func index(of digest: BundleDigest) async throws -> BundleIndex {
        let store = store
        if let index = await loop.offload({ try? store.index(digest) }) { return index }
        var reason = "no host that is alive holds the bundle \(digest.short): deploy it again"
        for (name, address) in await hosts(with: digest) where !Task.isCancelled {
            do throws(ControlError) {
                if let index = try await client.index(of: digest, at: address) { return index }
            } catch { reason = "the bundle \(digest.short) could not be fetched from \(name): \(error)" }
        }
        throw FetchFailure(description: reason)
    }

    /// Those that hold a bundle first, then those that should run it and so may have some of it.
    func hosts(with digest: BundleDigest) async -> [(HostName, SocketAddress)] {
        let snapshot = await replica.snapshot
        let holders = snapshot.state.holders(of: digest, alive: snapshot.alive).map(\.name)
        let placement = snapshot.state.placement(alive: snapshot.alive)
        let companions = placement.workers.filter { $0.value.values.contains { $0.revision == digest } }.keys
            .filter { !holders.contains($0) }
        let names =
            holders.filter { $0 != host }.shuffled().prefix(Self.holderLimit)
            + companions.filter { $0 != host }.shuffled().prefix(Self.companionLimit)
        return names.compactMap { name in
            snapshot.state.hosts[name].flatMap { SocketAddress($0.address, port: $0.controlPort) }.map { (name, $0) }
        }
    }
}

/// For people.
struct FetchFailure: Error, CustomStringConvertible {
    let description: String
}
