import Igropyr
import TestSupport
import Testing

/// Independent clients of WebSockets: Python's `websockets`, and `h2` with `wsproto` for HTTP/2.
@Suite(.timeLimit(.minutes(5))) struct WebSocketClientTests {
    private static func routes(_ app: App) {
        var settings = WebSocketSettings()
        settings.subprotocols = ["echo"]
        app.use(CrossOriginProtection())
        app.get("/page") { _ in "page" }
        app.webSocket("/echo", settings: settings) { _, socket in
            for try await message in socket.messages { try await socket.send(message) }
        }
    }

    private static func python(_ script: String, _ arguments: String...) async throws {
        let outcome = try await run(["/usr/bin/python3", "-c", script] + arguments)
        #expect(outcome.output == "done\n", "\(outcome.errors)")
    }

    @Test(arguments: ["None", "'deflate'"]) func `Python's websockets talks to it`(compression: String) async throws {
        try await withApp(Self.routes) { caller in
            try await Self.python(WebSocketScripts.http1(compression: compression), "\(caller.server.address)")
        }
    }

    @Test func `WebSockets go over HTTP/2, several on one connection, beside other requests`() async throws {
        try await withApp(Self.routes) { caller in
            try await Self.python(WebSocketScripts.http2, "\(caller.server.address)", "405", "426")
        }
    }
}
