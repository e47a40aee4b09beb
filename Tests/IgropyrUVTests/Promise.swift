/// Something that a callback will say once.
final class Promise<Value: Sendable> {
    private var continuation: CheckedContinuation<Value, Never>?
    private var value: Value?

    func fulfil(_ value: Value) {
        guard let continuation else {
            self.value = value
            return
        }
        self.continuation = nil
        continuation.resume(returning: value)
    }

    func wait() async -> Value {
        if let value { return value }
        return await withCheckedContinuation { continuation = $0 }
    }
}
