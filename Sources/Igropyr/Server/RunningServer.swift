public import IgropyrTransport
public import IgropyrUV
internal import Logging

/// An application that accepts connections; call ``stop()`` in the end.
public final class RunningServer: Sendable {
    public let address: SocketAddress
    let loops: [ServerLoop]
    private let tls: Locked<ServerTLS?>
    private let drainTimeout: Duration
    private let logger: Logger

    init(address: SocketAddress, loops: [ServerLoop], tls: ServerTLS?, drainTimeout: Duration, logger: Logger) {
        self.address = address
        self.loops = loops
        self.tls = Locked(tls)
        self.drainTimeout = drainTimeout
        self.logger = logger
    }

    /// Accepts nothing more and returns when the requests in flight have been answered, or cut after the time that the
    /// application allows. Call it once.
    public func stop() async throws {
        let hasEnded = try await withThrowingTaskGroup(of: Bool.self) { group in
            for loop in loops {
                group.addTask { [drainTimeout] in try await loop.stop(drainTimeout: drainTimeout) }
            }
            return try await group.reduce(true) { $0 && $1 }
        }
        if !hasEnded { logger.warning("a handler that heeds no cancellation was left running") }
    }
}

extension RunningServer {
    /// Reads the files of ``App/tls`` anew, and blocks meanwhile. Connections from then on get the new certificates; those
    /// that are open keep theirs. Does nothing for a server without TLS. One call at a time.
    /// - Throws: `.unusableFile`, which names the file and says what to do; the old certificates then stay.
    public func reloadTLS() async throws(TLSError) {
        guard let old = tls.withLock({ $0 }) else { return }
        let new = try old.reloaded(logger: logger)
        tls.withLock { $0 = new }
        for loop in loops { await loop.replace(new.context) }
    }

    /// An element for each SIGHUP from now on, or for several at once; none without TLS, which leaves the signal alone.
    func watchReloads() async throws(UVError) -> AsyncStream<Void> {
        let reloads = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        if tls.withLock({ $0 != nil }), let loop = loops.first {
            try await loop.watch(1 /* SIGHUP */) { reloads.continuation.yield() }
        } else {
            reloads.continuation.finish()
        }
        return reloads.stream
    }

    func reloadOrSayWhyNot() async {
        do throws(TLSError) {
            try await reloadTLS()
            logger.info("the certificates were read anew")
        } catch {
            logger.error("the old certificates stay", metadata: ["reason": "\(error)"])
        }
    }
}
