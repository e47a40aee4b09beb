internal import CLibUV
internal import Glibc

/// An event loop that turns on a thread of its own.
public final class EventLoopThread: Sendable {
    public let loop: EventLoop
    private let outcome = Locked<Outcome>(.running([]))

    private enum Outcome {
        case running([CheckedContinuation<UVError?, Never>])
        case ended(UVError?)
    }

    /// Makes the loop and starts its thread, called `name` (at most 15 bytes are kept) in `top` and debuggers.
    public init(name: String) throws(UVError) {
        loop = try EventLoop()
        let start = ThreadStart(name: String(name.prefix(15))) { [self] in
            do throws(UVError) {
                try loop.run()
                finish(nil)
            } catch {
                finish(error)
            }
        }
        loop.leaveThread()
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(start).toOpaque()
        let result = unsafe pthread_create(&thread, nil, startThread, context)
        guard result == 0 else {
            unsafe Unmanaged<ThreadStart>.fromOpaque(context).release()
            throw UVError(errno: result, "pthread_create")
        }
        pthread_detach(thread)
    }

    /// Stops the loop and waits until its thread is done with it.
    /// - Throws: `UV_EBUSY` if a handle was left open on it.
    public func stop() async throws(UVError) {
        loop.stop()
        let error: UVError? = await withCheckedContinuation { continuation in
            let ended: UVError?? = outcome.withLock { outcome in
                switch outcome {
                case .running(let waiting):
                    outcome = .running(waiting + [continuation])
                    return nil
                case .ended(let error): return .some(error)
                }
            }
            if let ended { continuation.resume(returning: ended) }
        }
        if let error { throw error }
    }

    private func finish(_ error: UVError?) {
        let waiting: [CheckedContinuation<UVError?, Never>] = outcome.withLock { outcome in
            guard case .running(let waiting) = outcome else { return [] }
            outcome = .ended(error)
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: error) }
    }
}

/// What a new thread is to do.
private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func startThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    let start = unsafe Unmanaged<ThreadStart>.fromOpaque(context!).takeRetainedValue()
    unsafe pthread_setname_np(pthread_self(), start.name)
    start.body()
    return nil
}
