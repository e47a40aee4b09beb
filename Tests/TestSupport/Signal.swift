import IgropyrUV
import Testing

/// Something that happens in one place and is waited for in another; for any thread.
public final class Signal: Sendable {
    private struct State {
        var count = 0
        var waiters: [(count: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    }

    /// Longer than the slowest machine needs with all tests at once: a test that fails is not to wait for ever.
    private static let patience = Duration.seconds(200)

    private let state = Locked(State())

    public init() {}

    public func send() {
        let ready = state.withLock { state in
            state.count += 1
            let ready = state.waiters.filter { $0.count <= state.count }
            state.waiters.removeAll { $0.count <= state.count }
            return ready
        }
        for waiter in ready { waiter.continuation.resume(returning: true) }
    }

    /// Returns once it was sent that often. If it never is, this is an issue, and false.
    @discardableResult
    public func wait(for count: Int = 1, _ location: SourceLocation = #_sourceLocation) async -> Bool {
        let rescue = Task {
            try await Task.sleep(for: Self.patience)
            giveUp()
        }
        defer { rescue.cancel() }
        let hasCome = await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.count < count { state.waiters.append((count, continuation)) }
                return state.count >= count
            }
            if isReady { continuation.resume(returning: true) }
        }
        #expect(hasCome, "no signal within \(Self.patience)", sourceLocation: location)
        return hasCome
    }

    private func giveUp() {
        let lost = state.withLock { state in
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in lost { waiter.continuation.resume(returning: false) }
    }
}
