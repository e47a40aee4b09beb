internal import CLibUV

extension EventLoop {
    /// Runs a function that blocks (files, archives, hashes) on libuv's thread pool, and hands on what it returns or
    /// throws. The pool has four threads (`UV_THREADPOOL_SIZE`): nothing that waits for a peer belongs there. For any thread.
    public func offload<Result: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        let outcome: Swift.Result<Result, Failure> = await withCheckedContinuation { continuation in
            let work = OffloadedWork { continuation.resume(returning: Swift.Result(catching: body)) }
            if isCurrent {
                start(work)
            } else {
                submit { [self] in start(work) }
            }
        }
        return try outcome.get()
    }

    private func start(_ work: OffloadedWork) {
        let request = UnsafeMutablePointer<uv_work_t>.allocate(capacity: 1)
        unsafe request.pointee.data = Unmanaged.passRetained(work).toOpaque()  // Released by `didWork`.
        let result = unsafe uv_queue_work(raw, request, doWork, didWork)
        precondition(result == 0, "uv_queue_work")  // Fails only without a function.
    }
}

private final class OffloadedWork: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// On a thread of the pool.
private func doWork(_ request: UnsafeMutablePointer<uv_work_t>?) {
    unsafe Unmanaged<OffloadedWork>.fromOpaque(request!.pointee.data).takeUnretainedValue().body()
}

/// Back on the loop's thread.
private func didWork(_ request: UnsafeMutablePointer<uv_work_t>?, _ status: Int32) {
    unsafe Unmanaged<OffloadedWork>.fromOpaque(request!.pointee.data).release()
    unsafe request!.deallocate()
}
