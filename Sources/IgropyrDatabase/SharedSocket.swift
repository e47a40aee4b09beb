public import IgropyrUV

/// A connection's socket as its tasks have it: one of them at a time has its turn, waits for the socket without holding
/// up the loop, and no longer than it may. What fails, fails for good. Stays with the connection's actor, on its loop.
public final class SharedSocket<ServerError: Error & Equatable> {
    public typealias Failure = DatabaseError<ServerError>

    /// Why nothing can be asked any more.
    public private(set) var failure: Failure?
    /// Told of the first failure, when it happens.
    public var onFailure: ((Failure) -> Void)?
    private let loop: EventLoop
    private let timer: Timer
    private let turns = WaitingTasks()
    private let waiting = WaitingTasks()
    /// Whether somebody has his turn.
    private var isBusy = false
    private var poller: Poller?
    private var watched: Poller.Events = []
    private var isReady = false

    public init(on loop: EventLoop) throws(UVError) {
        self.loop = loop
        timer = try Timer(on: loop)
    }

    /// Whether somebody could have his turn at once.
    public var isFree: Bool { failure == nil && !isBusy }

    public func checkIsWhole() throws(Failure) {
        if let failure { throw failure }
    }

    /// Gives the connection up: whoever waits is told, and so are all who come later. Nothing of it is open on the loop
    /// then.
    /// - Returns: what is to be thrown, the first failure.
    public func fail(_ error: Failure) -> Failure {
        if let failure { return failure }
        failure = error
        onFailure?(error)
        onFailure = nil
        timer.close()
        forgetDescriptor()
        waiting.wake()
        return error
    }

    /// Waits for the caller's turn; ``endTurn()`` is to follow.
    public func takeTurn(isolation: isolated (any Actor)? = #isolation) async throws(Failure) {
        while isBusy {
            guard !Task.isCancelled else { throw .cancelled }
            await turns.wait(on: loop) { isBusy }
        }
        guard !Task.isCancelled else { throw .cancelled }
        try checkIsWhole()
        isBusy = true
    }

    public func endTurn() {
        isBusy = false
        turns.wake()
    }

    /// Fails with `.timedOut` unless ``disarm()`` is called within this time.
    public func arm(_ time: Duration) {
        try? timer.start(after: time) { [self] in _ = fail(.timedOut) }  // Fails only once closed.
    }

    public func disarm() { timer.cancel() }

    /// Returns when the descriptor is ready for any of these. It stays the same until ``forgetDescriptor()``.
    public func wait(
        for events: Poller.Events, of descriptor: Int32, isolation: isolated (any Actor)? = #isolation
    ) async throws(Failure) {
        try checkIsWhole()
        isReady = false
        do throws(UVError) { try watch(events, of: descriptor) } catch { throw fail(.connectionLost("\(error)")) }
        nonisolated(unsafe) let socket = self  // Touched on the loop only.
        await withTaskCancellationHandler {
            _ = isolation  // Without it, this would run on the threads that all tasks share.
            await waiting.wait(on: loop) { !isReady && failure == nil }
        } onCancel: { [loop] in
            // At once: who cancels may be the pool, as the loop's end closes what is open there.
            if loop.isCurrent { _ = unsafe socket.fail(.cancelled) }
        }
        if !isReady, failure == nil { throw fail(.cancelled) }
        try checkIsWhole()
    }

    /// To be called before the descriptor is closed. Idempotent.
    public func forgetDescriptor() {
        poller?.close()
        poller = nil
        watched = []
    }

    /// Fails with `.closed`, unless it failed before. Idempotent.
    public func close() { _ = fail(.closed) }

    private func watch(_ events: Poller.Events, of descriptor: Int32) throws(UVError) {
        if poller == nil { poller = try Poller(on: loop, descriptor: descriptor) }
        guard watched != events else { return }
        watched = events
        try poller?.start(events) { [self] in didBecomeReady() }
    }

    private func didBecomeReady() {
        if isReady {  // Nobody waits: what comes stays with the kernel, and at last with the server.
            poller?.stop()
            watched = []
        }
        isReady = true
        waiting.wake()
    }
}
