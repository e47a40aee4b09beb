internal import IgropyrUV
internal import Logging

/// The turns of one job, from ``init(_:logger:)`` to ``stop(within:)``.
final class RunningJob: Sendable {
    private let job: Job
    private let logger: Logger
    private let state = Locked(State())

    private struct State: Sendable {
        var isStopping = false
        /// Waits for turns.
        var clock: Task<Void, Never>?
        var turn: Task<Void, Never>?
    }

    init(_ job: Job, logger: Logger) {
        self.job = job
        var logger = logger
        logger[metadataKey: "job"] = "\(job.name)"
        self.logger = logger
        state.withLock { $0.clock = Task { [self] in await takeTurns() } }
    }

    private func takeTurns() async {
        var next = ContinuousClock.now
        while !Task.isCancelled {
            next = max(next.advanced(by: job.interval), .now)
            do { try await Task.sleep(until: next, clock: .continuous) } catch { return }
            guard let turn = beginTurn() else { return }
            await turn.value  // Which the clock's own cancellation leaves alone.
        }
    }

    private func beginTurn() -> Task<Void, Never>? {
        state.withLock { state in
            guard !state.isStopping else { return nil }
            let turn = Task { [self] in await takeTurn() }
            state.turn = turn
            return turn
        }
    }

    private func takeTurn() async {
        do {
            try await job.work()
        } catch {
            guard !(error.tellsOfCancellation && Task.isCancelled) else { return }
            logger.error("a job failed", metadata: ["reason": "\(error)"])
        }
    }

    /// Begins no further turn, and returns when one that is under way has ended; it is cancelled after `time`.
    /// - Returns: false if it heeds no cancellation, and is left running.
    func stop(within time: Duration) async -> Bool {
        state.withLock { state in
            state.isStopping = true
            state.clock?.cancel()
        }
        if await ends(within: time) { return true }
        state.withLock { $0.turn?.cancel() }
        return await ends(within: ServerLoop.cancellationGrace)
    }

    private func ends(within time: Duration) async -> Bool {
        await state.withLock { $0.clock }?.outcome(within: time) != nil
    }
}

extension [RunningJob] {
    /// As ``RunningJob/stop(within:)``, all at once.
    func stop(within time: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            for job in self { group.addTask { await job.stop(within: time) } }
            return await group.reduce(true) { $0 && $1 }
        }
    }
}
