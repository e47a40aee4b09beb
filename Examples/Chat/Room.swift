import Igropyr

/// Who is here, on whatever loop each of them lives; those at other workers hear the same, and are heard.
actor Room {
    static let topic = "room"

    private let topics: Topics
    /// What tells guests of this worker from those of others.
    private let place: String
    private var members: [ObjectIdentifier: WebSocket] = [:]
    private var guests = 0

    init(of app: App) {
        topics = app.topics
        place = app.worker.map { " at \($0.host) \($0.index)" } ?? ""
    }

    /// - Returns: what the others call the newcomer.
    func enter(_ socket: WebSocket) -> String {
        guests += 1
        members[ObjectIdentifier(socket)] = socket
        return "Guest \(guests)\(place)"
    }

    func leave(_ socket: WebSocket, _ name: String) async throws {
        members[ObjectIdentifier(socket)] = nil
        try await say("\(name) has left.")
    }

    func say(_ text: String) async throws { try await topics.publish(text, to: Self.topic) }

    /// Waits for nobody: whoever cannot keep up has to come again.
    func tell(_ text: String) async {
        for member in members.values {
            if await !member.offer(.text(text)) { await member.close(.tryAgainLater, reason: "too slow") }
        }
    }
}
