import Igropyr

/// Who is here, on whatever loop each of them lives.
actor Room {
    private var members: [ObjectIdentifier: WebSocket] = [:]
    private var guests = 0

    /// - Returns: what the others call the newcomer.
    func enter(_ socket: WebSocket) async -> String {
        guests += 1
        let name = "Guest \(guests)"
        members[ObjectIdentifier(socket)] = socket
        await say("\(name) is here.")
        return name
    }

    func leave(_ socket: WebSocket, _ name: String) async {
        members[ObjectIdentifier(socket)] = nil
        await say("\(name) has left.")
    }

    /// Waits for nobody: whoever cannot keep up has to come again.
    func say(_ text: String) async {
        for member in members.values {
            if await !member.offer(.text(text)) { await member.close(.tryAgainLater, reason: "too slow") }
        }
    }
}
