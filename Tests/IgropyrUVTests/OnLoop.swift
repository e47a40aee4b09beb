import IgropyrUV

/// Runs `body` on a fresh event loop, then closes the loop: a handle that was left open fails the test.
@discardableResult
func onLoop<Result: Sendable>(_ body: @escaping @Sendable (EventLoop) async throws -> Result) async throws -> Result {
    let thread = try EventLoopThread(name: "test")
    let outcome = await Task(executorPreference: thread.loop) { try await body(thread.loop) }.result
    try await thread.stop()
    return try outcome.get()
}

/// Something that a callback will say once.
final class Promise<Value: Sendable> {
    private var continuation: CheckedContinuation<Value, Never>?
    private var value: Value?

    func fulfil(_ value: Value) {
        guard let continuation else {
            self.value = value
            return
        }
        self.continuation = nil
        continuation.resume(returning: value)
    }

    func wait() async -> Value {
        if let value { return value }
        return await withCheckedContinuation { continuation = $0 }
    }
}
