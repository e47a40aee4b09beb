extension Task where Failure == Never {
    /// Its value; nil after `time`, when it goes on without anybody who waits. The caller's cancellation changes
    /// nothing.
    package func outcome(within time: Duration) async -> Success? {
        await withCheckedContinuation { continuation in
            let asker = Locked<CheckedContinuation<Success?, Never>?>(continuation)
            let answer: @Sendable (Success?) -> Void = { value in
                asker.withLock { $0.take() }?.resume(returning: value)
            }
            let timer = Task<Void, Never> {
                do { try await Task<Never, Never>.sleep(for: time) } catch { return }
                answer(nil)
            }
            Task<Void, Never> {
                answer(await value)
                timer.cancel()
            }
        }
    }
}
