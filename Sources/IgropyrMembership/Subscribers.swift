/// Who listens to events; each has a bounded buffer of its own and loses the oldest when it lags.
struct Subscribers {
    private var continuations: [Int: AsyncStream<MembershipEvent>.Continuation] = [:]
    private var lastID = 0

    mutating func add(bufferLimit: Int) -> (id: Int, events: AsyncStream<MembershipEvent>) {
        let (stream, continuation) = AsyncStream.makeStream(
            of: MembershipEvent.self, bufferingPolicy: .bufferingNewest(max(2, bufferLimit)))
        lastID += 1
        continuations[lastID] = continuation
        return (lastID, stream)
    }

    mutating func onTermination(of id: Int, _ action: @escaping @Sendable () -> Void) {
        continuations[id]?.onTermination = { _ in action() }
    }

    mutating func remove(_ id: Int) { continuations[id] = nil }

    func yield(_ event: MembershipEvent) {
        for continuation in continuations.values {
            if case .dropped = continuation.yield(event) { continuation.yield(.lagged) }
        }
    }

    mutating func finish() {
        for continuation in continuations.values {
            continuation.onTermination = nil
            continuation.finish()
        }
        continuations = [:]
    }
}
