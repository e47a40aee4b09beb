internal import Glibc

extension EventLoop {
    /// Runs a function that waits for a peer, for want of a way not to, on a thread of its own called `name`, and hands
    /// on what it returns. Whoever calls this bounds the function's time, and how many run at once. For any thread.
    /// - Throws: `UV_EAGAIN` when the process may have no more threads.
    public static func onThread<Result: Sendable>(
        name: String, _ body: @escaping @Sendable () -> Result
    ) async throws(UVError) -> Result {
        let outcome: Swift.Result<Result, UVError> = await withCheckedContinuation { continuation in
            do throws(UVError) {
                let thread = try startThread(name: name) { continuation.resume(returning: .success(body())) }
                pthread_detach(thread)
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try outcome.get()
    }
}
