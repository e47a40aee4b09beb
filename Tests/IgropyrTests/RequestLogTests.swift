import Igropyr
import IgropyrUV
import Logging
import TestSupport
import Testing

private struct Trouble: Error {}

@Suite(.timeLimit(.minutes(5))) struct RequestLogTests {
    private static func addRoutes(_ app: App) {
        app.get("/now") { _ -> String in throw Trouble() }
        app.get("/later") { _ async throws -> String in
            await Task.yield()
            throw Trouble()
        }
        app.get("/stream") { _ in Response { _ in throw Trouble() } }
        app.get("/later-stream") { _ async in
            await Task.yield()
            return Response { _ in throw Trouble() }
        }
        app.get("/field") { _ in Response(text: "", contentType: "a\r\nb") }
        app.get("/later-field") { _ async in
            await Task.yield()
            return Response(text: "", contentType: "a\r\nb")
        }
        app.get("/own") { request in
            request.logger.info("asked")
            return ""
        }
    }

    private static let rows: [(path: String, line: String)] = [
        ("/now", "error a handler failed"), ("/later", "error a handler failed"),
        ("/stream", "error a stream failed"), ("/later-stream", "error a stream failed"),
        ("/field", "error a response cannot be written"), ("/later-field", "error a response cannot be written"),
        ("/own", "info asked"),
    ]

    @Test(arguments: rows) func `a line about a request says which`(path: String, line: String) async throws {
        let lines = Locked<[String]>([])
        try await withApp { app in
            app.logger = Logger(label: "test") { _ in KeptLog(lines: lines) }
            app.use(RequestIDs(trustsClients: true))
            Self.addRoutes(app)
        } _: { caller in
            // A stream that fails cuts the connection.
            _ = try? await caller.send(path + "?secret", [("X-Request-ID", "r-1")])
        }
        #expect(lines.withLock { $0 } == ["\(line) method=GET path=\(path) request-id=r-1"])
    }

    @Test func `a line about a WebSocket says which`() async throws {
        let lines = Locked<[String]>([])
        let app = App()
        app.logger = Logger(label: "test") { _ in KeptLog(lines: lines) }
        app.webSocket("/socket") { _, _ in throw Trouble() }
        let server = try await app.start()
        let closure = try await WebSocket.connect(to: "ws://\(server.address)/socket") { socket in
            await #expect(throws: WebSocketClosure.self) { _ = try await socket.receive() }
        }
        #expect(closure?.code == .internalError)
        try await server.stop()
        #expect(lines.withLock { $0 } == ["error a WebSocket's handler failed method=GET path=/socket"])
    }
}
