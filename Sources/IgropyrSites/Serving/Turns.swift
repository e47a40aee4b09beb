internal import Igropyr
internal import IgropyrUV

/// So many at once, on one loop; others wait for their turn, and beyond that number are turned away.
final class Turns {
    /// A task that waits, and alone is waked when it has its turn: whoever wakes all pays for each of them.
    private final class Waiter {
        var hasTurn = false
        let task = WaitingTasks()
    }

    private let limit: Int
    private let waitingLimit: Int
    private var taken = 0
    /// The one that waits longest stands first.
    private var waiters: [Waiter] = []

    init(limit: Int, waiting: Int) {
        self.limit = limit
        waitingLimit = waiting
    }

    /// ``giveBack()`` is to follow, unless this throws.
    /// - Throws: `CancellationError`; ``HTTPFailure`` 503 when too many wait already.
    func take(on loop: EventLoop) async throws {
        guard taken >= limit else {
            taken += 1
            return
        }
        guard waiters.count < waitingLimit else {
            throw HTTPFailure(.serviceUnavailable, "The server has too much to do.", fields: [.retryAfter: "1"])
        }
        let waiter = Waiter()
        waiters.append(waiter)
        await waiter.task.wait(on: loop) { !waiter.hasTurn }
        guard Task.isCancelled else { return }
        if waiter.hasTurn { giveBack() } else { waiters.removeAll { $0 === waiter } }
        throw CancellationError()
    }

    /// The turn is handed on, so that nobody who comes later gets it first.
    func giveBack() {
        guard !waiters.isEmpty else { return taken -= 1 }
        let next = waiters.removeFirst()
        next.hasTurn = true
        next.task.wake()
    }
}
