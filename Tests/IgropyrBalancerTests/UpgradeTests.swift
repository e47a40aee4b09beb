import Igropyr
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

/// WebSockets and other protocols on their way through the balancer.
@Suite(.timeLimit(.minutes(5))) struct UpgradeTests {
    /// A balancer in front of an application.
    private static func withApplication(
        _ body: @escaping @Sendable (Fixture, RunningServer) async throws -> Void
    ) async throws {
        let app = App()
        app.loops = 1
        var settings = WebSocketSettings()
        settings.subprotocols = ["echo"]
        app.get("/page") { _ in "page" }
        app.webSocket("/echo", settings: settings) { _, socket in
            for try await message in socket.messages { try await socket.send(message) }
        }
        app.webSocket("/close") { _, socket in await socket.close(.tryAgainLater, reason: "later") }
        let server = try await app.start()
        try await withBalancer(workers: 0) { fixture in
            fixture.use([server.address])
            try await body(fixture, server)
        }
        try await server.stop()
    }

    private static func python(_ script: String, _ arguments: String...) async throws {
        let outcome = try await run(["/usr/bin/python3", "-c", script] + arguments)
        #expect(outcome.output == "done\n", "\(outcome.errors)")
    }

    @Test func `Python's websockets reaches the worker`() async throws {
        try await Self.withApplication { fixture, _ in
            try await Self.python(
                WebSocketScripts.http1(compression: "'deflate'"), "\(fixture.balancer.address)")
        }
    }

    @Test func `WebSockets of HTTP 2 reach the worker in HTTP 1`() async throws {
        try await Self.withApplication { fixture, _ in
            try await Self.python(WebSocketScripts.http2, "\(fixture.balancer.address)", "502", "501")
        }
    }

    @Test func `who closes is heard at the other end, and so is a worker that stops or dies`() async throws {
        try await Self.withApplication { fixture, server in
            let url = "ws://\(fixture.balancer.address)"
            try await WebSocket.connect(to: url + "/close") { socket in
                let closure = await #expect(throws: WebSocketClosure.self) { try await socket.receive() }
                #expect(closure == WebSocketClosure(code: .tryAgainLater, reason: "later"))
            }
            try await WebSocket.connect(to: url + "/echo") { socket in
                try await socket.send("a")
                #expect(try await socket.receive() == .text("a"))
                try await server.stop()
                #expect(try await socket.receive() == nil)
                #expect(await socket.closure?.code == .goingAway)
            }
        }
    }

    @Test func `a tunnel is no reason not to stop`() async throws {
        try await Self.withApplication { fixture, _ in
            try await WebSocket.connect(to: "ws://\(fixture.balancer.address)/echo") { socket in
                try await socket.send("a")
                #expect(try await socket.receive() == .text("a"))
                try await fixture.balancer.stop(timeout: .milliseconds(50))
                let closure = await #expect(throws: WebSocketClosure.self) { try await socket.receive() }
                #expect(closure?.code == .abnormal)
            }
        }
    }

    private static let upgrade =
        "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, X-Secret\r\nUpgrade: raw, websocket\r\nX-Secret: 1\r\n\r\n"

    @Test func `bytes of any protocol go both ways once the worker has agreed to it`() async throws {
        let worker = try ScriptedWorker()
        try await withBalancer(workers: 0) { fixture in
            fixture.use([worker.address])
            let client = try fixture.client()
            try client.send(Self.upgrade)
            let request = try worker.answer(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\nX-A: b\r\n\r\n\u{1}hello")
            #expect(request.contains("\r\nConnection: Upgrade\r\nUpgrade: raw, websocket\r\n"))
            #expect(!request.contains("X-Secret"))
            let answer = try client.readToEnd()
            #expect(answer.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"), "\(answer)")
            #expect(answer.contains("\r\nUpgrade: raw\r\n") && answer.contains("\r\nX-A: b\r\n"), "\(answer)")
            #expect(answer.hasSuffix("\r\n\r\n\u{1}hello"), "\(answer)")
        }
    }

    @Test(arguments: ["Upgrade: other", "Upgrade: h2c", ""])
    func `a worker that agrees to what was not asked for is no gateway`(field: String) async throws {
        let worker = try ScriptedWorker()
        try await withBalancer(workers: 0) { fixture in
            fixture.use([worker.address])
            let client = try fixture.client()
            try client.send(Self.upgrade)
            try worker.answer("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\(field)\r\n\r\n")
            #expect(try client.readResponse().status == 502)
        }
    }

    /// One that was awaited would be missing, and so the worker's fault.
    @Test func `to HEAD there is no body, whatever else was asked for`() async throws {
        let worker = try ScriptedWorker()
        try await withBalancer(workers: 0) { fixture in
            fixture.use([worker.address])
            let client = try fixture.client()
            try client.send("HEAD /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
            let request = try worker.answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            #expect(request.hasPrefix("HEAD /a ") && request.contains("\r\nUpgrade: raw\r\n"), "\(request)")
            #expect(try client.readResponse(to: "HEAD").values("Content-Length") == ["4"])
            try client.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
            try worker.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            #expect(try client.readResponse().text == "ok")
            #expect(await fixture.balancer.counters.truncated == 0)
        }
    }

    @Test(arguments: ["h2c", "HTTP/2.0", "TLS/1.0", "websocket, h2c"])
    func `HTTP in a tunnel passes by no proxy`(name: String) async throws {
        let worker = try ScriptedWorker()
        try await withBalancer(workers: 0) { fixture in
            fixture.use([worker.address])
            let client = try fixture.client()
            try client.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: \(name)\r\n\r\n")
            let request = try worker.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            #expect(!request.contains("pgrade"), "\(request)")
            #expect(try client.readResponse().text == "ok")
        }
    }
}
