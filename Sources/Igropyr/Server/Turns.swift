package import IgropyrUV

/// So many at once; others wait for their turn, and beyond that number are turned away. For the tasks of one loop or of
/// several.
package final class Turns: Sendable {
    /// A task that waits, and alone is waked when it has its turn: whoever wakes all pays for each of them.
    private final class Waiter: Sendable {
        let loop: EventLoop
        // Both are touched on the loop only.
        nonisolated(unsafe) private var hasTurn = false
        nonisolated(unsafe) private let task = WaitingTasks()

        init(on loop: EventLoop) { self.loop = loop }

        func wait() async { await unsafe task.wait(on: loop) { unsafe !hasTurn } }

        func giveTurn() {
            guard loop.isCurrent else { return loop.submit { [self] in giveTurn() } }
            unsafe hasTurn = true
            unsafe task.wake()
        }
    }

    private struct State {
        var taken = 0
        /// The one that waits longest stands first.
        var waiters: [Waiter] = []

        mutating func take(of limit: Int) -> Bool {
            guard taken < limit else { return false }
            taken += 1
            return true
        }
    }

    private let limit: Int
    private let waitingLimit: Int
    private let state = Locked(State())

    package init(limit: Int, waiting: Int) {
        self.limit = limit
        waitingLimit = waiting
    }

    /// ``giveBack()`` is to follow, unless this throws. `loop` is the caller's.
    /// - Throws: `CancellationError`; ``HTTPFailure`` 503 when too many wait already.
    package func take(on loop: EventLoop) async throws {
        guard let waiter = try takeOrQueue(on: loop) else { return }
        await waiter.wait()
        guard Task.isCancelled else { return }
        let isWaiting = state.withLock { state in
            guard let index = state.waiters.firstIndex(where: { $0 === waiter }) else { return false }
            state.waiters.remove(at: index)
            return true
        }
        if !isWaiting { giveBack() }  // It has its turn, or that is on its way.
        throw CancellationError()
    }

    /// Whether there is a turn without waiting. ``giveBack()`` is to follow then.
    package func takeNow() -> Bool {
        state.withLock { $0.take(of: limit) }
    }

    /// Nobody has a turn, or waits for one.
    package var isUnused: Bool { state.withLock { $0.taken == 0 } }

    /// Nil if there was a turn.
    private func takeOrQueue(on loop: EventLoop) throws -> Waiter? {
        try state.withLock { state in
            guard !state.take(of: limit) else { return nil }
            guard state.waiters.count < waitingLimit else {
                throw HTTPFailure(
                    .serviceUnavailable, "The server has too much to do.", fields: [.retryAfter: "1"])
            }
            let waiter = Waiter(on: loop)
            state.waiters.append(waiter)
            return waiter
        }
    }

    /// The turn is handed on, so that nobody who comes later gets it first.
    package func giveBack() {
        let next: Waiter? = state.withLock { state in
            guard !state.waiters.isEmpty else {
                state.taken -= 1
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.giveTurn()
    }
}

extension Turns {
    /// For work that keeps a thread of the pool for milliseconds and more, and that strangers can ask for at will: half
    /// of the threads at once, in the whole process as the pool is, so that the others stay free for what is quick.
    package static let longWork = Turns(limit: max(1, EventLoop.poolThreads / 2), waiting: 256)
}

extension EventLoop {
    /// ``offload(_:)`` for such work, in its turn.
    /// - Throws: as ``Turns/take(on:)``; what `body` throws.
    package func offloadLong<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await Turns.longWork.take(on: self)
        defer { Turns.longWork.giveBack() }
        return try await offload(body)
    }
}
