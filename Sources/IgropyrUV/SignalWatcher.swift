internal import CLibUV

/// Hears a signal of this process on an event loop, in place of what the signal would do by itself.
@safe
public final class SignalWatcher {
    private let memory = unsafe HandleMemory<uv_signal_t>()
    private var isClosing = false
    fileprivate var onSignal: (() -> Void)?

    /// Takes the signal's number, such as `SIGTERM`. Calls `onSignal` on the loop, at least once for any number of
    /// signals that arrive together.
    public init(on loop: EventLoop, signal: Int32, onSignal: @escaping () -> Void) throws(UVError) {
        loop.preconditionOnLoop()
        self.onSignal = onSignal
        try check(unsafe uv_signal_init(loop.raw, memory.pointer), "uv_signal_init")
        unsafe memory.retain(owner: self)
        unsafe memory.unreference()
        do throws(UVError) {
            try check(unsafe uv_signal_start(memory.pointer, didReceiveSignal, signal), "uv_signal_start")
        } catch {
            close()
            throw error
        }
    }

    deinit { unsafe memory.deallocate() }

    /// Idempotent. The signal has its usual effect again.
    public func close() {
        guard !isClosing else { return }
        isClosing = true
        onSignal = nil
        unsafe memory.close()
    }
}

private func didReceiveSignal(_ handle: UnsafeMutablePointer<uv_signal_t>?, _ signal: Int32) {
    unsafe owner(of: handle, as: SignalWatcher.self).onSignal?()
}
