import IgropyrUV

/// What `body` comes to, which may wait for others as long as it likes; nil if `end` returns first, which cancels it.
func waiting<Result: Sendable>(
    on loop: EventLoop, until end: @escaping @Sendable () async -> Void,
    for body: @escaping @Sendable () async throws -> Result
) async throws -> Result? {
    let work = Task(executorPreference: loop) { try await body() }
    let watch = Task(executorPreference: loop) {
        await end()
        guard !Task.isCancelled else { return false }
        work.cancel()
        return true
    }
    let outcome = await work.result
    watch.cancel()
    return await watch.value ? nil : try outcome.get()
}
