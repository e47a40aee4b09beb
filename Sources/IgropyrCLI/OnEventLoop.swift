import IgropyrUV

/// Runs `body` in a task on an event loop that it has to itself, and closes that.
func onEventLoop<Result: Sendable>(
    _ body: @escaping @Sendable (EventLoop) async throws -> Result
) async throws -> Result {
    let thread = try EventLoopThread(name: "igropyr")
    let outcome = await Task(executorPreference: thread.loop) { try await body(thread.loop) }.result
    if case .success = outcome { try await thread.stop() }
    return try outcome.get()
}
