internal import IgropyrUV
internal import Logging

/// What signals ask of a server that runs. One that may be sent by habit ends nothing where there is nothing to do for it.
struct ServerSignals: Sendable {
    /// The second of these ends the process at once.
    private static let ending: [Int32] = [2 /* SIGINT */, 3 /* SIGQUIT */, 15 /* SIGTERM */]
    private static let hangUp: Int32 = 1, openLogs: Int32 = 10 /* SIGUSR1 */, replace: Int32 = 12 /* SIGUSR2 */

    /// Ends when the server is to.
    private let end = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(1))
    // Of several signals that come together one is enough.
    private let reloads = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    private let openings = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// Hears them from now on, until the server has ended: all of them if the process's signals are its own, else those for which it
    /// has something to do. To be called before it accepts anything: whom it has answered may send it one.
    func hear(for server: RunningServer, _ configuration: App.Configuration) async throws(UVError) {
        let loop = server.loops[0]
        let (isOwn, logger, terminal) = (configuration.handlesSignals, configuration.logger, StartingTerminal())
        let (end, reloads, openings) = (end.continuation, reloads.continuation, openings.continuation)
        if isOwn {
            try await loop.watchEnding(Self.ending) { end.finish() }
            try await loop.watch(Self.replace) {
                logger.warning(
                    "SIGUSR2: no new program takes over; to upgrade, start this one anew, on a socket of systemd's"
                )
            }
        }
        if isOwn || server.hasReloads {
            try await loop.watch(Self.hangUp) {
                if isOwn, terminal.isGone { end.finish() } else { reloads.yield() }
            }
        }
        if isOwn || server.keepsLogs || configuration.onReopeningLogs != nil {
            try await loop.watch(Self.openLogs) { openings.yield() }
        }
    }

    /// Returns when a signal has asked for the end, or ``finish()`` was called, or the task is cancelled.
    func waitForEnd() async { for await _ in end.stream {} }

    func finish() { end.continuation.finish() }

    /// Does what the others ask for, until the task is cancelled.
    func carryOut(for server: RunningServer, _ configuration: App.Configuration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in reloads.stream { await server.reloadOrSayWhyNot() } }
            group.addTask {
                for await _ in openings.stream {
                    guard server.keepsLogs || configuration.onReopeningLogs != nil else {
                        configuration.logger.info("SIGUSR1: there are no log files that could be opened anew")
                        continue
                    }
                    server.reopenAccessLog()
                    configuration.onReopeningLogs?()
                }
            }
        }
    }
}
