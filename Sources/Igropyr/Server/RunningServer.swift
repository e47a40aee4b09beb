public import IgropyrTransport
public import IgropyrUV
internal import Logging

/// An application that accepts connections until ``stop()``, whether anybody holds this or not.
public final class RunningServer: Sendable {
    public let address: SocketAddress
    let loops: [ServerLoop]
    private let tls: Locked<ServerTLS?>
    private let shared: SharedParts
    private let reloads: [@Sendable () async throws -> Void]
    private let end = SharedTask<any Error>()
    private let drainTimeout: Duration
    private let logger: Logger

    init(
        address: SocketAddress, loops: [ServerLoop], tls: ServerTLS?, shared: SharedParts,
        reloads: [@Sendable () async throws -> Void], drainTimeout: Duration, logger: Logger
    ) {
        self.address = address
        self.loops = loops
        self.tls = Locked(tls)
        self.shared = shared
        self.reloads = reloads
        self.drainTimeout = drainTimeout
        self.logger = logger
    }

    /// Accepts nothing more and returns when the requests in flight have been answered, or cut after the time that the
    /// application allows. Called again, it waits, too; it goes on if the caller is cancelled.
    public func stop() async throws {
        try await end.run { [self] in
            do {
                if !(try await stopLoops()) { logger.warning("a handler that heeds no cancellation was left running") }
            } catch {
                await shared.stopLogs()
                throw error
            }
            await shared.stopLogs()
        }
    }

    /// One of them hears the process's signals: none ends before all have finished.
    private func stopLoops() async throws -> Bool {
        await withTaskGroup(of: Void.self) { group in
            for loop in loops { group.addTask { [drainTimeout] in await loop.finish(drainTimeout: drainTimeout) } }
        }
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

    /// Whether there are any.
    var keepsLogs: Bool { shared.keepsLogs }
}

extension RunningServer {
    /// Reads the files of ``App/tls`` anew, and blocks meanwhile. Connections from then on get the new certificates; those
    /// that are open keep theirs. A worker that was given keys reads these. Does nothing for a server without TLS. One call at a time.
    /// - Throws: `.unusableFile`, which names the file and says what to do; the old ones then stay.
    public func reloadTLS() async throws(TLSError) {
        guard let old = tls.withLock({ $0 }) else { return }
        let new = try old.reloaded(logger: logger)
        tls.withLock { $0 = new }
        for loop in loops { await loop.replace(new.context) }
    }

    /// Whether there is anything to read anew.
    var hasReloads: Bool { !reloads.isEmpty || tls.withLock { $0 != nil } }

    func reloadOrSayWhyNot() async {
        if !hasReloads { logger.info("SIGHUP: there is nothing to read anew") }
        if tls.withLock({ $0 != nil }) {
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
