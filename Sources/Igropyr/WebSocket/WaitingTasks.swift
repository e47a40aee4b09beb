internal import IgropyrUV

/// Tasks that wait for something to happen on the loop where this lives.
final class WaitingTasks {
    private var waiting: [(number: Int, continuation: CheckedContinuation<Void, Never>)] = []
    private var next = 0

    /// Until ``wake()``.
    func wait() async {
        await withCheckedContinuation { continuation in add(continuation) }
    }

    /// Until ``wake()``, or until the task is cancelled.
    func wait(on loop: EventLoop) async {
        let number = next
        nonisolated(unsafe) let list = self  // Touched on the loop only.
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled { continuation.resume() } else { add(continuation) }
            }
        } onCancel: {
            loop.submit { unsafe list.wake(number) }
        }
    }

    func wake() {
        let all = waiting
        waiting = []
        for task in all { task.continuation.resume() }
    }

    private func wake(_ number: Int) {
        guard let index = waiting.firstIndex(where: { $0.number == number }) else { return }
        waiting.remove(at: index).continuation.resume()
    }

    private func add(_ continuation: CheckedContinuation<Void, Never>) {
        waiting.append((next, continuation))
        next += 1
    }
}
