/// Tasks that wait until something is so, on the loop where this lives.
///
/// A task that asks for a continuation may be queued anew before it gets it: the runtime does that to tasks that do not
/// prefer the loop. What happens in between is missed by whoever looked before asking, so this looks once more then.
@safe
public final class WaitingTasks {
    @safe @exclusivity(unchecked)  // As in ``EventLoop``: that check shows in the profile of a request.
    private var waiting: [(number: Int, continuation: UnsafeContinuation<Void, Never>)] = unsafe []
    private var next = 0

    public init() {}

    /// Returns when `isNeeded()` is false; it is asked at once, and at each ``wake()``.
    public func wait(while isNeeded: () -> Bool) async {
        while isNeeded() {
            let number = takeNumber()
            await unsafe withUnsafeContinuation { unsafe enlist($0, number, while: isNeeded) }
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
                await unsafe withUnsafeContinuation {
                    unsafe enlist($0, number) { isNeeded() && !Task.isCancelled }
                }
            } onCancel: {
                loop.submit { unsafe list.wake(number) }
            }
        }
    }

    /// As ``wait(while:)``; returns after `time` at the latest. `loop` is the one where this lives.
    public func wait(on loop: EventLoop, atMost time: Duration, while isNeeded: () -> Bool) async {
        nonisolated(unsafe) let list = self  // Touched on the loop only.
        let deadline = ContinuousClock.now.advanced(by: time)
        let alarm = Task(executorPreference: loop) {
            try? await Task.sleep(until: deadline, clock: .continuous)
            unsafe list.wake()
        }
        await wait { isNeeded() && ContinuousClock.now < deadline }
        alarm.cancel()
    }

    /// Each continuation is resumed once: by whoever takes it off the list, or here, where it never was on it.
    private func enlist(
        _ continuation: UnsafeContinuation<Void, Never>, _ number: Int, while isNeeded: () -> Bool
    ) {
        guard isNeeded() else { return unsafe continuation.resume() }
        unsafe waiting.append((number, continuation))
    }

    /// Has all look again.
    public func wake() {
        for index in unsafe waiting.indices {
            unsafe waiting[index].continuation.resume()  // Which queues it: nothing of it runs before this returns.
        }
        unsafe waiting.removeAll(keepingCapacity: true)
    }

    private func wake(_ number: Int) {
        guard let index = unsafe waiting.firstIndex(where: { unsafe $0.number == number }) else { return }
        unsafe waiting.remove(at: index).continuation.resume()
    }

    private func takeNumber() -> Int {
        defer { next += 1 }
        return next
    }
}
