/// The executor of the actors on a loop. The loop itself is that of tasks within no actor: run as an actor's, they
/// would be queued anew at each call of an async function, and at each return from one.
final class LoopActorExecutor: SerialExecutor {
    nonisolated(unsafe) unowned(unsafe) var loop: EventLoop!  // It is set once, and owns this.

    func enqueue(_ job: consuming ExecutorJob) { unsafe loop.enqueue(ofActor: job) }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

    func checkIsolated() { unsafe loop.preconditionOnLoop() }

    func isIsolatingCurrentContext() -> Bool? { unsafe loop.isCurrent }
}
