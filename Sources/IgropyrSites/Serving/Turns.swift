internal import Igropyr
internal import IgropyrUV

/// So many at once, on one loop; others wait for their turn, and beyond that number are turned away.
final class Turns {
    private let limit: Int
    private let waitingLimit: Int
    private var taken = 0
    private var waiting = 0
    private let tasks = WaitingTasks()

    init(limit: Int, waiting: Int) {
        self.limit = limit
        waitingLimit = waiting
    }

    /// ``giveBack()`` is to follow, unless this throws.
    /// - Throws: `CancellationError`; ``HTTPFailure`` 503 when too many wait already.
    func take(on loop: EventLoop) async throws {
        if taken >= limit {
            guard waiting < waitingLimit else {
                throw HTTPFailure(.serviceUnavailable, "The server has too much to do.", fields: [.retryAfter: "1"])
            }
            waiting += 1
            defer { waiting -= 1 }
            // All who wait are waked together, and see one free turn before any of them has taken it.
            while taken >= limit {
                await tasks.wait(on: loop) { taken >= limit }
                try Task.checkCancellation()
            }
        }
        taken += 1
    }

    func giveBack() {
        taken -= 1
        tasks.wake()
    }
}
