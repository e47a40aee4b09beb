public import IgropyrUV
internal import Logging

/// An application that accepts connections; call ``stop()`` in the end.
public final class RunningServer: Sendable {
    public let address: SocketAddress
    let loops: [ServerLoop]
    private let drainTimeout: Duration
    private let logger: Logger

    init(address: SocketAddress, loops: [ServerLoop], drainTimeout: Duration, logger: Logger) {
        self.address = address
        self.loops = loops
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
