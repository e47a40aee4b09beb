// A room in which everybody hears what anybody says, at whatever worker of the cluster.

import Glibc
import Igropyr

let app = App()
let room = Room(of: app)
let said = await app.topics.messages(of: Room.topic)
Task { for await message in said { await room.tell(message.text) } }

app.use(SecurityHeaders())
app.get("/") { _ in page }
app.get("/chat.js") { _ in Response(text: script, contentType: "text/javascript; charset=utf-8") }
app.webSocket("/room") { _, socket in
    let name = await room.enter(socket)
    do {
        try await room.say("\(name) is here.")
        for try await message in socket.messages {
            guard case .text(let text) = message else { continue }
            try await room.say("\(name): \(text)")
        }
    } catch {
        try await room.leave(socket, name)
        throw error
    }
    try await room.leave(socket, name)
}

do {
    try await app.run()
} catch {
    app.logger.critical("\(error)")
    exit(1)
}
