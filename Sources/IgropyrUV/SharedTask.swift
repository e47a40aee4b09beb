/// What is done once, however many ask for it: all wait for its end, and hear how it went. For any thread.
public final class SharedTask<Failure: Error>: Sendable {
    private let task = Locked<Task<Result<Void, Failure>, Never>?>(nil)

    public init() {}

    /// Begins `work`, unless an earlier call did, and returns at its end. It goes on if the caller is cancelled.
    public func run(_ work: @escaping @Sendable () async throws(Failure) -> Void) async throws(Failure) {
        let task = task.withLock { task in
            if let task { return task }
            let new = Task<Result<Void, Failure>, Never> {
                do throws(Failure) { return .success(try await work()) } catch { return .failure(error) }
            }
            task = new
            return new
        }
        try await task.value.get()
    }
}
