internal import IgropyrUV

/// Runs what blocks or computes for long on a thread of libuv's pool, and hands on what it returns or throws. For any
/// thread.
///
/// ```swift
/// let small = try await offload { try Picture(bytes).scaled(to: 200) }
/// ```
///
/// A handler runs on the thread of its connection, and so does what it awaits: its child tasks, functions that are
/// `@concurrent`, and actors without an executor of their own. Nothing of that may block. Half of the pool's threads
/// (`UV_THREADPOOL_SIZE`, else 4) do such work at once, in the whole process; what comes then waits for its turn.
/// - Throws: what `work` throws; ``HTTPFailure`` 503 when 256 wait already; `CancellationError` before its turn. Work
///   that has begun is not interrupted.
public func offload<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    if let loop = EventLoop.current { return try await loop.offloadLong(work) }
    let loop = try SharedLoop.current()
    return try await withTaskExecutorPreference(loop) { try await loop.offloadLong(work) }
}
