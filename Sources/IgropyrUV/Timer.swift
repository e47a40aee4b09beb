internal import CLibUV
internal import IgropyrTime

/// A one-shot timer on an event loop; not `Sendable`, so it stays there.
///
/// For the few that a service needs. What each connection needs is a ``TimerWheel`` entry, which costs no system call
/// and no heap operation of libuv's.
@safe
public final class Timer {
    private let memory = unsafe HandleMemory<uv_timer_t>()
    private var isClosing = false
    fileprivate var onFire: (() -> Void)?

    public init(on loop: EventLoop) throws(UVError) {
        loop.preconditionOnLoop()
        try check(unsafe uv_timer_init(loop.raw, memory.pointer), "uv_timer_init")
        unsafe memory.retain(owner: self)
    }

    deinit { unsafe memory.deallocate() }

    /// Calls `onFire` once, `delay` from this moment, however long the loop's turn has lasted; counts in whole
    /// milliseconds, rounded up. A timer that is already running starts anew.
    /// - Throws: `UV_EINVAL` after ``close()``.
    public func start(after delay: Duration, onFire: @escaping () -> Void) throws(UVError) {
        guard !isClosing else { throw UVError(code: UVError.invalidArgument, call: "uv_timer_start") }
        self.onFire = onFire
        unsafe uv_update_time(memory.pointer.pointee.loop)
        let milliseconds = UInt64(delay.millisecondsRoundedUp)
        try check(unsafe uv_timer_start(memory.pointer, didFire, milliseconds, 0), "uv_timer_start")
    }

    /// `onFire` is not called unless the timer is started again.
    public func cancel() {
        guard !isClosing else { return }
        onFire = nil
        unsafe uv_timer_stop(memory.pointer)
    }

    /// Idempotent. `onFire` is not called again.
    public func close() {
        guard !isClosing else { return }
        isClosing = true
        onFire = nil
        unsafe memory.close()
    }

    fileprivate func fire() {
        let action = onFire
        onFire = nil
        action?()
    }
}

private func didFire(_ handle: UnsafeMutablePointer<uv_timer_t>?) { unsafe owner(of: handle, as: Timer.self).fire() }
