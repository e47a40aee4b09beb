internal import CLibUV

/// Watches a descriptor that libuv has no type for; level-triggered. Does not own the descriptor.
@safe
final class Poller {
    private let memory = unsafe HandleMemory<uv_poll_t>()
    private var isClosing = false
    fileprivate var onReadable: (() -> Void)?

    init(on loop: EventLoop, descriptor: Int32) throws(UVError) {
        loop.preconditionOnLoop()
        try check(unsafe uv_poll_init(loop.raw, memory.pointer, descriptor), "uv_poll_init")
        unsafe memory.retain(owner: self)
    }

    deinit { unsafe memory.deallocate() }

    func start(onReadable: @escaping () -> Void) throws(UVError) {
        self.onReadable = onReadable
        try check(unsafe uv_poll_start(memory.pointer, Int32(UV_READABLE.rawValue), didPoll), "uv_poll_start")
    }

    func stop() {
        guard !isClosing else { return }
        unsafe uv_poll_stop(memory.pointer)
    }

    /// Idempotent. The descriptor may be closed once this returns.
    func close() {
        guard !isClosing else { return }
        isClosing = true
        unsafe uv_poll_stop(memory.pointer)
        onReadable = nil
        unsafe memory.close()
    }
}

private func didPoll(_ handle: UnsafeMutablePointer<uv_poll_t>?, _ status: Int32, _ events: Int32) {
    unsafe owner(of: handle, as: Poller.self).onReadable?()  // An error shows at the next call on the descriptor.
}
