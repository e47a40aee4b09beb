import HTTPTypes
import Igropyr
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct SettingTests {
    private static let hastyTLS = {
        var tls = TLSConfiguration(certificates: [])
        tls.handshakeTimeout = .zero
        return tls
    }()

    private static func webSocket(_ change: (inout WebSocketSettings) -> Void) -> WebSocketSettings {
        var settings = WebSocketSettings()
        change(&settings)
        return settings
    }

    private static let mistakes: [(name: String, change: @Sendable (App) -> Void)] = [
        ("loops", { $0.loops = 0 }), ("bodyLimit", { $0.bodyLimit = -1 }), ("timeout", { $0.timeout = .zero }),
        ("drainTimeout", { $0.drainTimeout = .seconds(-1) }), ("connectionsPerClient", { $0.connectionsPerClient = 0 }),
        ("server.connections", { $0.server.connections = 0 }),
        ("server.requestsPerConnection", { $0.server.requestsPerConnection = 0 }),
        ("server.minimumBytesPerSecond", { $0.server.minimumBytesPerSecond = -1 }),
        ("server.idleTimeout", { $0.server.idleTimeout = .zero }),
        ("server.handshakeTimeout", { $0.server.handshakeTimeout = .zero }),
        ("server.rateGrace", { $0.server.rateGrace = .seconds(-1) }),
        ("server.highWaterBytes", { $0.server.highWaterBytes = 0 }),
        ("server.limits.fields", { $0.server.limits.fields = 0 }),
        ("tls.handshakeTimeout", { $0.tls = hastyTLS }),
        ("server.http2.concurrentStreams", { $0.server.http2.concurrentStreams = 0 }),
        ("server.http2.streamWindowBytes", { $0.server.http2.streamWindowBytes = 65_534 }),
        ("server.proxyProtocol", { $0.server.proxyProtocol = .required(from: []) }),
        ("bodyLimit of /a", { $0.post("/a", bodyLimit: -1) { _ in "" } }),
        ("timeout of /a", { $0.get("/a", timeout: .zero) { _ in "" } }),
        ("bodyLimit of /b/a", { $0.group("/b", bodyLimit: .min).post("/a") { _ in "" } }),
        ("timeout of /b/a", { $0.group("/b", timeout: .seconds(-1)).get("/a") { _ in "" } }),
        ("messageBytes of /a", { $0.webSocket("/a", settings: webSocket { $0.messageBytes = 0 }) { _, _ in } }),
        ("heldBytes of /a", { $0.webSocket("/a", settings: webSocket { $0.heldBytes = -1 }) { _, _ in } }),
        ("pingInterval of /a", { $0.webSocket("/a", settings: webSocket { $0.pingInterval = .zero }) { _, _ in } }),
        ("closeTimeout of /a", { $0.webSocket("/a", settings: webSocket { $0.closeTimeout = .zero }) { _, _ in } }),
    ]

    @Test(arguments: mistakes.indices) func `a setting that cannot be meant fails the start by its name`(
        index: Int
    ) async throws {
        let app = App()
        Self.mistakes[index].change(app)
        let error = await #expect(throws: InvalidSetting.self) { _ = try await app.start() }
        #expect(error?.name == Self.mistakes[index].name)
    }

    private static let limits: [(request: String, status: Int)] = [
        ("GET /0123456789 HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /01234567890123456789 HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n", 404),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: \(String(repeating: "x", count: 200))\r\n\r\n", 431),
        ("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n012345", 413),
        ("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n01234", 200),
        ("POST /own HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n012345", 200),
        ("POST /own HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n01234567", 413),
        ("POST /group/in HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n01234567", 200),
    ]

    @Test(arguments: limits) func `limits of a server and of a route are the application's to set`(
        request: String, status: Int
    ) async throws {
        try await withApp { app in
            app.server.limits.targetBytes = 16
            app.server.limits.fields = 3
            app.server.limits.headBytes = 128
            app.bodyLimit = 5
            app.post("/small") { _ in "" }
            app.post("/own", bodyLimit: 7) { _ in "" }
            app.group("/group", bodyLimit: 100).post("/in") { _ in "" }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send(request)
            #expect(await raw.receive { $0.contains("\r\n\r\n") }.hasPrefix("HTTP/1.1 \(status) "))
            raw.close()
        }
    }

    @Test func `a handler that takes too long is cancelled and its client told 503`() async throws {
        let cancelled = Signal()
        try await withApp { app in
            app.timeout = .milliseconds(50)
            app.use(RequestIDs())
            let wait: @Sendable (Request) async throws -> String = { _ in
                do { try await Task.sleep(for: .seconds(600)) } catch { cancelled.send() }
                return "too late"
            }
            app.get("/app", wait)
            app.group("/group", timeout: .milliseconds(10)).get("/in", wait)
            app.get("/patient", timeout: .seconds(100)) { _ async throws in
                try await Task.sleep(for: .milliseconds(400))
                return "in time"
            }
            app.get("/stream") { _ async in
                Response { writer in
                    try await Task.sleep(for: .milliseconds(400))
                    try await writer.write("streamed")
                }
            }
        } _: { caller in
            for (count, target) in ["/app", "/group/in"].enumerated() {
                let response = try await caller.send(target)
                #expect(response.status == 503)
                #expect(response.text == "The request took too long.\n")
                await cancelled.wait(for: count + 1)
            }
            #expect(try await caller.send("/patient").text == "in time")
            #expect(try await caller.send("/stream").text == "streamed")
        }
    }

    @Test func `a client has so many connections and no more, on all loops together`() async throws {
        try await withApp { app in
            app.connectionsPerClient = 2
            app.get("/") { _ in "in" }
        } _: { caller in
            let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            var inside: [StreamClient] = []
            for _ in 0..<2 {
                let raw = try await caller.connect()
                raw.send(request)
                await raw.receive { $0.hasSuffix("in") }
                inside.append(raw)
            }
            for _ in 0..<5 {
                let refused = try await caller.connect()
                refused.send(request)
                #expect(await refused.receive { _ in false } == "")
            }
            inside[0].close()
            // The server hears of it in its own time.
            while true {
                let next = try await caller.connect()
                next.send(request)
                defer { next.close() }
                if await next.receive(until: { $0.hasSuffix("in") }).hasSuffix("in") { break }
            }
            inside[1].close()
        }
    }
}
