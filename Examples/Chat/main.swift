// A room in which everybody hears what anybody says. On a cluster each worker has a room of its own.

import Glibc
import Igropyr

let app = App()
let room = Room()

app.use(SecurityHeaders())
app.get("/") { _ in page }
app.get("/chat.js") { _ in Response(text: script, contentType: "text/javascript; charset=utf-8") }
app.webSocket("/room") { _, socket in
    let name = await room.enter(socket)
    do {
        for try await message in socket.messages {
            guard case .text(let text) = message else { continue }
            await room.say("\(name): \(text)")
        }
        await room.leave(socket, name)
    } catch {
        await room.leave(socket, name)
        throw error
    }
}

do {
    try await app.run()
} catch {
    app.logger.critical("\(error)")
    exit(1)
}
