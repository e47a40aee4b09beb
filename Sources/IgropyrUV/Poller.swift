internal import CLibUV

/// Watches a descriptor that libuv has no type for, as those of other libraries; level-triggered. Does not own the
/// descriptor, which must not be closed before ``stop()`` or ``close()``.
@safe
public final class Poller {
    /// What a descriptor may be ready for.
    public struct Events: OptionSet, Sendable {
        public let rawValue: Int32

        public init(rawValue: Int32) { self.rawValue = rawValue }

        public static let readable = Events(rawValue: Int32(UV_READABLE.rawValue))
        public static let writable = Events(rawValue: Int32(UV_WRITABLE.rawValue))
    }

    private let memory = unsafe HandleMemory<uv_poll_t>()
    private var isClosing = false
    private var watched: Events = []
    private var onReady: (() -> Void)?

    public init(on loop: EventLoop, descriptor: Int32) throws(UVError) {
        loop.preconditionOnLoop()
        try check(unsafe uv_poll_init(loop.raw, memory.pointer, descriptor), "uv_poll_init")
        unsafe memory.retain(owner: self)
    }

    deinit { unsafe memory.deallocate() }

    /// Calls `onReady` in each turn of the loop in which the descriptor is ready for any of these, or broken, which
    /// shows at the next call on it; in place of what was watched for before.
    public func start(_ events: Events = .readable, onReady: @escaping () -> Void) throws(UVError) {
        self.onReady = onReady
        watched = events
        try start()
    }

    public func stop() {
        guard !isClosing else { return }
        watched = []
        unsafe uv_poll_stop(memory.pointer)
    }

    /// Idempotent. The descriptor may be closed once this returns.
    public func close() {
        guard !isClosing else { return }
        isClosing = true
        unsafe uv_poll_stop(memory.pointer)
        onReady = nil
        unsafe memory.close()
    }

    private func start() throws(UVError) {
        try check(unsafe uv_poll_start(memory.pointer, watched.rawValue, didPoll), "uv_poll_start")
    }

    /// Of a broken descriptor libuv tells once, and stops; but what came before it broke may be left to read, and only
    /// then the error.
    fileprivate func becameReady(isBroken: Bool) {
        onReady?()
        if isBroken, !isClosing, !watched.isEmpty { try? start() }
    }
}

private func didPoll(_ handle: UnsafeMutablePointer<uv_poll_t>?, _ status: Int32, _ events: Int32) {
    unsafe owner(of: handle, as: Poller.self).becameReady(isBroken: status < 0)
}
