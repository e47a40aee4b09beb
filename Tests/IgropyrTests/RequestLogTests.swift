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
        app.get("/cancelled") { _ -> String in throw CancellationError() }
        app.get("/later-cancelled") { _ async throws -> String in
            await Task.yield()
            throw CancellationError()
        }
        app.get("/stream-cancelled") { _ in Response { _ in throw CancellationError() } }
        app.get("/no-failure") { _ -> String in throw HTTPFailure(.ok) }
        app.get("/own") { request in
            request.logger.info("asked")
            return ""
        }
    }

    private static let rows: [(path: String, line: String)] = [
        ("/now", "error a handler failed"), ("/later", "error a handler failed"),
        ("/stream", "error a stream failed"), ("/later-stream", "error a stream failed"),
        ("/field", "error a response cannot be written"), ("/later-field", "error a response cannot be written"),
        ("/cancelled", "error a handler failed"), ("/later-cancelled", "error a handler failed"),
        ("/stream-cancelled", "error a stream failed"),
        ("/no-failure", "error a handler failed"),
        ("/own", "info asked"),
    ]

    @Test(arguments: rows) func `a line about a request says which`(path: String, line: String) async throws {
        let log = KeptLog()
        try await withApp { app in
            app.logger = log.logger
            app.use(RequestIDs(trustsClients: true))
            Self.addRoutes(app)
        } _: { caller in
            // A stream that fails cuts the connection.
            _ = try? await caller.send(path + "?secret", [("X-Request-ID", "r-1")])
        }
        #expect(log.entries.map(\.text) == [line])
        let request = log.entries.first?.metadata.filter { $0.key != "reason" }
        #expect(request == ["method": "GET", "path": path, "request-id": "r-1"])
    }

    @Test func `a handler that ends because nobody waits any more leaves no line`() async throws {
        let (log, began, ended) = (KeptLog(), Signal(), Signal())
        try await withApp { app in
            app.logger = log.logger
            let wait: @Sendable (Request) async throws -> String = { _ in
                defer { ended.send() }
                began.send()
                try await Task.sleep(for: .seconds(600))
                return ""
            }
            app.get("/patient", wait)
            app.get("/hasty", timeout: .milliseconds(10), wait)
        } _: { caller in
            #expect(try await caller.send("/hasty").status == 503)
            await ended.wait()
            let raw = try await caller.connect()
            raw.send("GET /patient HTTP/1.1\r\nHost: a\r\n\r\n")
            await began.wait(for: 2)
            raw.reset()
            await ended.wait(for: 2)
        }
        #expect(log.entries.isEmpty)
    }

    @Test(arguments: [false, true]) func `a line about a WebSocket says which`(isCancellation: Bool) async throws {
        let log = KeptLog()
        let app = App()
        app.logger = log.logger
        app.webSocket("/socket") { _, _ in
            if isCancellation { throw CancellationError() }
            throw Trouble()
        }
        let server = try await app.start()
        let closure = try await WebSocket.connect(to: "ws://\(server.address)/socket") { socket in
            await #expect(throws: WebSocketClosure.self) { _ = try await socket.receive() }
        }
        #expect(closure?.code == .internalError)
        try await server.stop()
        let reason = isCancellation ? "CancellationError()" : "Trouble()"
        #expect(log.entries.map(\.text) == ["error a WebSocket's handler failed"])
        #expect(log.entries.first?.metadata == ["method": "GET", "path": "/socket", "reason": reason])
    }
}
