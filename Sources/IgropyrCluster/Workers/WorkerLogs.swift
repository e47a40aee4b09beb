internal import IgropyrOrchestration
internal import IgropyrTime
internal import IgropyrUV
internal import Logging

/// Keeps what a node's workers print within limits, until it is closed. Stays on its loop.
final class WorkerLogs {
    /// How often the logs' sizes are looked at: a log has so much more than its limit as is printed meanwhile.
    private static let interval: Duration = .seconds(1)
    /// After a look that found one full: who prints so much may soon have filled it again.
    private static let shortInterval: Duration = .milliseconds(100)
    /// How often logs are looked for that are to be removed.
    private static let sweepInterval: Duration = .seconds(3600)
    /// For how long a log is kept that no worker here writes to.
    private static let retentionMilliseconds: Int64 = 7 * 24 * 3600 * 1000

    private let folder: String
    private let loop: EventLoop
    private let logger: Logger
    /// Those of the workers that there are.
    private let present: () -> [WorkerLog]
    private var nextSweep: Timestamp
    private var task: Task<Void, Never>?

    init(in folder: String, on loop: EventLoop, logger: Logger, present: @escaping () -> [WorkerLog]) {
        self.folder = folder
        self.loop = loop
        self.logger = logger
        self.present = present
        nextSweep = loop.now
        task = loop.startLocally { [self] in await run() }
    }

    /// Idempotent.
    func close() {
        task?.cancel()
        task = nil
    }

    private func run() async {
        while !Task.isCancelled {
            let wasFull = await rotate(present())
            guard !Task.isCancelled else { return }  // Whose logs these were may be gone.
            if loop.now >= nextSweep { await sweep() }
            try? await Task.sleep(for: wasFull ? Self.shortInterval : Self.interval)
        }
    }

    /// Whether any was full.
    private func rotate(_ logs: [WorkerLog]) async -> Bool {
        let (wasFull, errors) = await loop.offload {
            var outcome: (wasFull: Bool, errors: [FileError]) = (false, [])
            for log in logs {
                do throws(FileError) {
                    if try log.rotateIfFull() { outcome.wasFull = true }
                } catch { outcome.errors.append(error) }
            }
            return outcome
        }
        for error in errors {
            logger.warning("a worker's log was full and could not be kept aside", metadata: ["reason": "\(error)"])
        }
        return wasFull
    }

    private func sweep() async {
        nextSweep = loop.now.advanced(by: Self.sweepInterval)
        let (folder, logs) = (folder, present())  // Of now: a worker may have started on an old one meanwhile.
        let limit = UnixTime.now.advanced(byMilliseconds: -Self.retentionMilliseconds)
        await loop.offload { WorkerLog.removeOld(in: folder, except: logs, before: limit) }
    }
}
