/// Tasks that wait until something is so, on the loop where this lives.
///
/// A task that asks for a continuation may be queued anew before it gets it: the runtime does that to tasks that do not
/// prefer the loop. What happens in between is missed by whoever looked before asking, so this looks once more then.
public final class WaitingTasks {
    @safe @exclusivity(unchecked)  // As in ``EventLoop``: that check shows in the profile of a request.
    private var waiting: [(number: Int, continuation: CheckedContinuation<Void, Never>)] = []
    private var next = 0

    public init() {}

    /// Returns when `isNeeded()` is false; it is asked at once, and at each ``wake()``.
    public func wait(while isNeeded: () -> Bool) async {
        while isNeeded() {
            await withCheckedContinuation { continuation in
                if isNeeded() { add(takeNumber(), continuation) } else { continuation.resume() }
            }
        }
    }

    /// The same; returns at once when the task is cancelled, too. `loop` is the one where this lives.
    public func wait(
        on loop: EventLoop, isolation: isolated (any Actor)? = #isolation, while isNeeded: () -> Bool
    ) async {
        nonisolated(unsafe) let list = self  // Touched on the loop only.
        while isNeeded(), !Task.isCancelled {
            let number = takeNumber()
            await withTaskCancellationHandler {
                _ = isolation  // Without it, this would run on the threads that all tasks share.
                await withCheckedContinuation { continuation in
                    guard isNeeded(), !Task.isCancelled else { return continuation.resume() }
                    add(number, continuation)
                }
            } onCancel: {
                loop.submit { unsafe list.wake(number) }
            }
        }
    }

    /// Has all look again.
    public func wake() {
        for task in waiting { task.continuation.resume() }  // Which queues it: nothing of it runs before this returns.
        waiting.removeAll(keepingCapacity: true)
    }

    private func wake(_ number: Int) {
        guard let index = waiting.firstIndex(where: { $0.number == number }) else { return }
        waiting.remove(at: index).continuation.resume()
    }

    private func takeNumber() -> Int {
        defer { next += 1 }
        return next
    }

    private func add(_ number: Int, _ continuation: CheckedContinuation<Void, Never>) {
        waiting.append((number, continuation))
    }
}
