internal import IgropyrGossip
internal import IgropyrOrchestration
internal import IgropyrUV
internal import Logging

/// Gets bundles from the nodes that hold them, trying one after the other, again and again until it is told to stop or
/// the bundle is no longer asked for.
actor BundleFetcher: LoopBound {
    enum Outcome: Sendable {
        case stored(BundleDigest)
        /// For people; the bundle may be asked for again at once.
        case failed(BundleDigest, String)
    }

    /// Bundles on their way at once; the others wait for their turn, which comes with the next look at what is missing.
    private static let limit = 4
    private static let shortestPause: Duration = .milliseconds(200)
    private static let longestPause: Duration = .seconds(10)

    nonisolated let loop: EventLoop
    private let store: BundleStore
    private let replica: Replica
    private let client: ControlClient
    private let host: HostName
    private let logger: Logger
    private let onOutcome: @Sendable (Outcome) async -> Void
    private var tasks: [BundleDigest: Task<Void, Never>] = [:]
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
        switch outcome {
        case .stored: failures[digest] = nil
        case .failed(_, let reason):
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
        let snapshot = await replica.snapshot
        let holders = snapshot.state.holders(of: digest, alive: snapshot.alive).filter { $0.name != host }.shuffled()
        var reason = "no host that is alive holds the bundle \(digest.short): deploy it again"
        for holder in holders where !Task.isCancelled {
            guard let address = SocketAddress(holder.address, port: holder.controlPort) else { continue }
            do {
                try await fetch(digest, from: address)
                logger.info("fetched a bundle", metadata: ["bundle": "\(digest.short)", "from": "\(holder.name)"])
                return .stored(digest)
            } catch {
                reason = "the bundle \(digest.short) could not be fetched from \(holder.name): \(error)"
            }
        }
        return .failed(digest, reason)
    }

    private func fetch(_ digest: BundleDigest, from address: SocketAddress) async throws {
        let (store, path) = (store, store.temporaryPath())
        logger.debug("fetching a bundle", metadata: ["bundle": "\(digest.short)", "from": "\(address)"])
        try await client.download(
            digest, from: address, to: path, limitBytes: store.limits.totalBytes + BundleStore.overheadBytes)
        try await loop.offload { () throws(BundleError) in try store.import(from: path, expecting: digest) }
    }
}
