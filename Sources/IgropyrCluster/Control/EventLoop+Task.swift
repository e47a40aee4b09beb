internal import IgropyrUV

extension EventLoop {
    /// Starts a task on this loop, from its own thread; so what the function holds need not be `Sendable`.
    @discardableResult
    func startLocally(_ body: @escaping () async -> Void) -> Task<Void, Never> {
        preconditionOnLoop()
        nonisolated(unsafe) let body = body  // It never leaves this thread.
        return Task(executorPreference: self) { unsafe await body() }
    }
}
