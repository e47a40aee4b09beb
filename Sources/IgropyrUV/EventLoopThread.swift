internal import Glibc

/// An event loop that turns on a thread of its own.
public final class EventLoopThread: Sendable {
    public let loop: EventLoop
    private let outcome = Locked<Outcome>(.running([]))
    /// Until somebody joins it.
    private let thread = Locked<pthread_t?>(nil)

    private enum Outcome {
        case running([CheckedContinuation<UVError?, Never>])
        case ended(UVError?)
    }

    /// Makes the loop and starts its thread, called `name` (at most 15 bytes are kept) in `top` and debuggers.
    public init(name: String) throws(UVError) {
        loop = try EventLoop()
        loop.leaveThread()
        let thread = try startThread(name: name) { [self] in
            do throws(UVError) {
                try loop.run()
                finish(nil)
            } catch {
                finish(error)
            }
        }
        self.thread.withLock { $0 = thread }
    }

    deinit {
        if let thread = thread.withLock({ $0 }) { pthread_detach(thread) }
    }

    /// Stops the loop and waits until its thread has ended, with what libraries do for a thread that ends: if the
    /// process did meanwhile, both might free the same.
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
        let thread = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let thread { pthread_join(thread, nil) }
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
