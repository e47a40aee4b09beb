internal import CLibUV  // pthread_setname_np
internal import Glibc

/// Runs `body` on a new thread, called `name` (at most 15 bytes are kept) in `top` and debuggers, which then ends. It
/// is to be joined or detached.
/// - Throws: `UV_EAGAIN` when the process may have no more.
func startThread(name: String, _ body: @escaping @Sendable () -> Void) throws(UVError) -> pthread_t {
    let start = ThreadStart(name: String(name.prefix(15)), body: body)
    let context = unsafe Unmanaged.passRetained(start).toOpaque()  // Released by `run`.
    var thread = pthread_t()
    let result = unsafe pthread_create(&thread, nil, run, context)
    guard result == 0 else {
        unsafe Unmanaged<ThreadStart>.fromOpaque(context).release()
        throw UVError(errno: result, "pthread_create")
    }
    return thread
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

private func run(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    let start = unsafe Unmanaged<ThreadStart>.fromOpaque(context!).takeRetainedValue()
    unsafe pthread_setname_np(pthread_self(), start.name)
    start.body()
    return nil
}
