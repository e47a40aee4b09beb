public import IgropyrTransport
public import IgropyrUV
internal import Logging

/// An application that accepts connections until ``stop()``, whether anybody holds this or not.
public final class RunningServer: Sendable {
    public let address: SocketAddress
    let loops: [ServerLoop]
    private let tls: Locked<ServerTLS?>
    private let shared: SharedParts
    /// Of the first loop; nil if this server looks at none.
    let signals: ServiceSignals?
    private let reloads: [@Sendable () async throws -> Void]
    private let jobs = Locked<[RunningJob]>([])
    private let end = SharedTask<any Error>()
    private let drainTimeout: Duration
    private let logger: Logger

    init(
        address: SocketAddress, loops: [ServerLoop], tls: ServerTLS?, shared: SharedParts, signals: ServiceSignals?,
        reloads: [@Sendable () async throws -> Void], drainTimeout: Duration, logger: Logger
    ) {
        self.address = address
        self.loops = loops
        self.tls = Locked(tls)
        self.shared = shared
        self.signals = signals
        self.reloads = reloads
        self.drainTimeout = drainTimeout
        self.logger = logger
    }

    /// Accepts nothing more and returns when the requests in flight have been answered, or cut after the time that the
    /// application allows. Called again, it waits, too; it goes on if the caller is cancelled.
    public func stop() async throws {
        try await end.run { [self] in
            async let haveJobsEnded = jobs.withLock { $0 }.stop(within: drainTimeout)
            do {
                if !(try await stopLoops()) { logger.warning("a handler that heeds no cancellation was left running") }
            } catch {
                await shared.stopLogs()
                throw error
            }
            if !(await haveJobsEnded) { logger.warning("a job that heeds no cancellation was left running") }
            await shared.stopLogs()
        }
    }

    func begin(_ jobs: [Job]) { self.jobs.withLock { $0 = jobs.map { RunningJob($0, logger: logger) } } }

    /// Signals are heard until all loops have finished; one that asks for the end then ends the process at once.
    private func stopLoops() async throws -> Bool {
        signals?.requestEnd()
        await withTaskGroup(of: Void.self) { group in
            for loop in loops { group.addTask { [drainTimeout] in await loop.finish(drainTimeout: drainTimeout) } }
        }
        await signals?.close()
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            for loop in loops { group.addTask { try await loop.end() } }
            return try await group.reduce(true) { $0 && $1 }
        }
    }
}

extension RunningServer {
    /// Opens the files of the access logs by their names again, soon: call it after the old ones were moved away.
    /// If that fails, lines go on to the old one, and the application's log says why.
    public func reopenAccessLog() { shared.reopenLogs() }

    /// Lines that were not written, since they came faster than the disk takes them, or it failed.
    public var droppedAccessLogLines: Int { shared.droppedLogLines }

    /// Opens access logs that handlers may choose from now on, as ``App/Configuration/accessLogs``. Those that are open
    /// already stay as they are.
    /// - Throws: what names the log that cannot be written.
    package func add(_ logs: [String: AccessLog]) async throws(StartFailure) {
        guard !logs.isEmpty else { return }
        try shared.add(logs, logger)
        for loop in loops { await loop.takeLogs() }
    }

    /// Lets go of the access logs that handlers may choose, but for these: each is closed once the requests under way
    /// have left their lines in it.
    package func keepAccessLogs(_ names: some Sequence<String>) async {
        shared.keep(names)
        for loop in loops { await loop.takeLogs() }
    }

    private var keepsLogs: Bool { shared.keepsLogs }
}

extension RunningServer {
    /// Reads the files of ``App/tls`` anew, and blocks meanwhile. Connections from then on get the new certificates;
    /// those that are open keep theirs. A worker that was given keys reads these. Does nothing for a server without
    /// TLS. One call at a time.
    /// - Throws: `.unusableFile`, which names the file and says what to do; the old ones then stay.
    public func reloadTLS() async throws(TLSError) { try await reloadTLS(by: nil) }

    /// The same by other certificates from now on; nil for the same files.
    package func reloadTLS(by configuration: TLSConfiguration?) async throws(TLSError) {
        guard let old = tls.withLock({ $0 }) else { return }
        let new = try old.reloaded(by: configuration, logger: logger)
        tls.withLock { $0 = new }
        for loop in loops { await loop.replace(new.context) }
    }

    private var hasReloads: Bool { !reloads.isEmpty || tls.withLock { $0 != nil } }
}

// MARK: - Signals

extension RunningServer {
    /// Does what signals ask for, but the end, until the task is cancelled. One that may be sent by habit ends nothing
    /// where there is nothing to do for it.
    func carryOut(
        _ orders: AsyncStream<ServiceOrder>, reload: (@Sendable (RunningServer) async -> Bool)?,
        reopenLogs: (@Sendable () -> Void)?
    ) async {
        for await order in orders {
            switch order {
            case .end: break  // Whoever waits for it hears of it, too.
            case .reload: await carryOutReload(reload)
            case .reopenLogs:
                if !keepsLogs, reopenLogs == nil {
                    logger.info("SIGUSR1: there are no log files that could be opened anew")
                }
                reopenAccessLog()
                reopenLogs?()
            case .upgrade:
                logger.warning(
                    "SIGUSR2: no new program takes over; to upgrade, start this one anew, on a socket of systemd's")
            }
        }
    }

    private func carryOutReload(_ reload: (@Sendable (RunningServer) async -> Bool)?) async {
        if reload == nil, !hasReloads { logger.info("SIGHUP: there is nothing to read anew") }
        let isDone = await reload?(self) ?? false
        if !isDone, tls.withLock({ $0 != nil }) {
            do throws(TLSError) {
                try await reloadTLS()
                logger.info("the certificates or keys were read anew")
            } catch {
                logger.error("the old certificates or keys stay", metadata: ["reason": "\(error)"])
            }
        }
        for reload in reloads {
            do {
                try await reload()
                logger.info("the files of middleware were read anew")
            } catch {
                logger.error("middleware goes by what it read before", metadata: ["reason": "\(error)"])
            }
        }
    }
}
