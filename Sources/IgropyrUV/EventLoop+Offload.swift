internal import CLibUV
internal import Glibc

extension EventLoop {
    /// Threads of the pool, which all loops of the process share: `UV_THREADPOOL_SIZE`, as libuv reads it.
    public static let poolThreads: Int = {
        guard let text = unsafe getenv("UV_THREADPOOL_SIZE") else { return 4 }
        return min(max(Int(unsafe atoi(text)), 1), 1024)
    }()

    /// Runs a function that blocks (files, archives, hashes) on libuv's thread pool, and hands on what it returns or
    /// throws. What the function held is let go before the caller goes on: a file that only it had open is closed by
    /// then. The pool has four threads (`UV_THREADPOOL_SIZE`): nothing that waits for a peer belongs there. For any
    /// thread.
    public func offload<Result: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        let outcome: Swift.Result<Result, Failure> = await withCheckedContinuation { continuation in
            let work = OffloadedWork {
                let outcome = Swift.Result(catching: body)
                return { continuation.resume(returning: outcome) }
            }
            queue(work)
        }
        return try outcome.get()
    }

    /// The same for what nobody waits for but the end of the loop. For any thread.
    public func offloadAndGoOn(_ body: @escaping @Sendable () -> Void) {
        queue(
            OffloadedWork {
                body()
                return {}
            })
    }

    private func queue(_ work: OffloadedWork) {
        if isCurrent {
            start(work)
        } else {
            submit { [self] in start(work) }
        }
    }

    private func start(_ work: OffloadedWork) {
        let request = UnsafeMutablePointer<uv_work_t>.allocate(capacity: 1)
        unsafe request.pointee.data = Unmanaged.passRetained(work).toOpaque()  // Released by `didWork`.
        let result = unsafe uv_queue_work(raw, request, doWork, didWork)
        precondition(result == 0, "uv_queue_work")  // Fails only without a function.
    }
}

/// A function, then what it made of it; libuv hands both from the loop to one thread of the pool and back.
private final class OffloadedWork: Sendable {
    /// Until the pool's thread has run it.
    nonisolated(unsafe) private var body: (@Sendable () -> @Sendable () -> Void)?
    /// From then on; for the loop.
    nonisolated(unsafe) private var conclusion: (@Sendable () -> Void)?

    init(_ body: @escaping @Sendable () -> @Sendable () -> Void) { unsafe self.body = body }

    func run() {
        unsafe conclusion = body?()
        unsafe body = nil
    }

    func conclude() { unsafe conclusion?() }
}

/// On a thread of the pool.
private func doWork(_ request: UnsafeMutablePointer<uv_work_t>?) {
    unsafe Unmanaged<OffloadedWork>.fromOpaque(request!.pointee.data).takeUnretainedValue().run()
}

/// Back on the loop's thread.
private func didWork(_ request: UnsafeMutablePointer<uv_work_t>?, _ status: Int32) {
    let work = unsafe Unmanaged<OffloadedWork>.fromOpaque(request!.pointee.data).takeRetainedValue()
    unsafe request!.deallocate()
    work.conclude()
}
