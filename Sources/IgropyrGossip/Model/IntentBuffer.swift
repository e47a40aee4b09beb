internal import IgropyrTime

/// Intents about members not known yet: gossip does not keep the order of things.
struct IntentBuffer: Sendable {
    private var intents: [String: (intent: Intent, receivedAt: Timestamp)] = [:]
    let limit: Int

    init(limit: Int) { self.limit = limit }

    /// True if it is news: pass it on.
    mutating func add(_ intent: Intent, at now: Timestamp) -> Bool {
        if let known = intents[intent.node]?.intent {
            guard intent.time > known.time else { return false }
        } else if intents.count >= limit {
            return false
        }
        intents[intent.node] = (intent, now)
        return true
    }

    mutating func take(for name: String) -> Intent? { intents.removeValue(forKey: name)?.intent }

    mutating func removeAll(receivedBefore time: Timestamp) {
        intents = intents.filter { $0.value.receivedAt >= time }
    }
}
