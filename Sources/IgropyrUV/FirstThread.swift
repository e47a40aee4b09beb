internal import CLinux
internal import Glibc

/// The thread that a process began with.
///
/// Where `main` is `async`, libdispatch parks it for good, in the midst of `pthread_exit`: it goes on handling signals,
/// but the C library's `setuid` and its kin, which have each thread do the same, take it for one that is gone (glibc's
/// `nptl/nptl_setxid.c`; libdispatch's `dispatch_main`).
enum FirstThread {
    /// Who it is to be, and the answer. The signal's handler reads and writes it: nothing here is made or freed there.
    @safe fileprivate struct Order {
        let user: uid_t
        let group: gid_t
        let groups: UnsafeMutableBufferPointer<gid_t>
        var failure: Int32 = 0
        var isDone = sem_t()
    }

    /// Set before the signal is sent, by one thread at a time, under ``turn``.
    nonisolated(unsafe) fileprivate static var order: UnsafeMutablePointer<Order>?
    private static let turn = Locked(())
    private static let patienceSeconds = 10

    /// Has it become whom the calling thread is; at most ten seconds.
    /// - Throws: `UV_ETIMEDOUT` if it does not listen, `UV_EPERM`.
    static func follow() throws(UVError) {
        guard igropyr_thread_id() != getpid() else { return }
        let outcome: UVError? = turn.withLock { _ in
            do throws(UVError) { try carryOut() } catch { return error }
            return nil
        }
        if let outcome { throw outcome }
    }

    private static func carryOut() throws(UVError) {
        let groupCount = getgroups(0, nil)
        let groups = UnsafeMutableBufferPointer<gid_t>.allocate(capacity: Int(max(0, groupCount)))
        unsafe groups.initialize(repeating: 0)
        _ = unsafe getgroups(Int32(groups.count), groups.baseAddress)
        let order = UnsafeMutablePointer<Order>.allocate(capacity: 1)
        unsafe order.initialize(to: Order(user: geteuid(), group: getegid(), groups: groups))
        unsafe sem_init(&order.pointee.isDone, 0, 0)
        unsafe Self.order = order
        // The last of the real-time signals, which nobody else here uses.
        let signal = __libc_current_sigrtmax()
        var (action, before) = (sigaction(), sigaction())
        unsafe action.__sigaction_handler.sa_handler = didReceiveOrder
        try unsafe check(sigaction(signal, &action, &before), errnoOf: "sigaction")
        try check(igropyr_signal_thread(getpid(), getpid(), signal), errnoOf: "tgkill")
        // Not freed, nor the handler taken back, if no answer comes: it may come later.
        try unsafe check(waitForAnswer(order), errnoOf: "the first thread's change of user")
        try unsafe check(sigaction(signal, &before, nil), errnoOf: "sigaction")
        let failure = unsafe order.pointee.failure
        unsafe Self.order = nil
        unsafe sem_destroy(&order.pointee.isDone)
        unsafe order.deallocate()
        unsafe groups.deallocate()
        guard failure == 0 else { throw UVError(errno: failure, "the first thread's change of user") }
    }

    private static func waitForAnswer(_ order: UnsafeMutablePointer<Order>) -> Int32 {
        var end = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &end)
        end.tv_sec += patienceSeconds
        while true {
            let result = unsafe sem_timedwait(&order.pointee.isDone, &end)
            if result == 0 || errno != EINTR { return result }
        }
    }
}

/// On the first thread, at any moment: only what signal-safety(7) allows. A thread that followed already may not set
/// its groups.
private func didReceiveOrder(_: Int32) {
    guard let order = unsafe FirstThread.order else { return }
    let wanted = unsafe (user: order.pointee.user, group: order.pointee.group)
    if geteuid() != wanted.user || getegid() != wanted.group {
        let groups = unsafe order.pointee.groups
        var result = unsafe igropyr_set_thread_groups(UInt(groups.count), groups.baseAddress)
        if result == 0 { result = igropyr_set_thread_group(wanted.group) }
        if result == 0 { result = igropyr_set_thread_user(wanted.user) }
        if result != 0 { unsafe order.pointee.failure = errno }
    }
    unsafe sem_post(&order.pointee.isDone)
}
