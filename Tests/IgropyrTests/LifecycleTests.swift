import Igropyr
import IgropyrTransport
import IgropyrUV
import Logging
import ServiceLifecycle
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct LifecycleTests {
    /// An application in a service group or task, which tells its port by its log alone, and a client.
    private static func withService(
        _ start: @escaping @Sendable (App) -> Task<Void, any Error>,
        _ body: @escaping @Sendable (HTTPRequester, SocketAddress, Task<Void, any Error>) async throws -> Void
    ) async throws {
        let log = KeptLog()
        let app = App()
        (app.loops, app.host, app.port, app.handlesSignals) = (2, "127.0.0.1", 0, false)
        app.logger = log.logger
        app.get("/") { _ in "up" }
        app.get("/slow") { _ async in
            started.send()
            await mayEnd.wait()
            return "whole"
        }
        let task = start(app)
        try await eventually("it listens") { log.count(of: "listening") == 1 }
        let url = try #require(log.entries.compactMap { $0.metadata["address"] }.first)
        let address = try #require(SocketAddress(parsing: String(url.trimmingPrefix("http://")), defaultPort: 0))
        try await onLoop { loop in
            let client = try HTTPRequester(on: loop)
            defer { client.close() }
            try await body(client, address, task)
        }
    }

    private static let started = Signal(), mayEnd = Signal()

    @Test func `a service group that shuts down lets requests finish`() async throws {
        let group = Locked<ServiceGroup?>(nil)
        try await Self.withService { app in
            let made = ServiceGroup(services: [app], logger: Logger(label: "test"))
            group.withLock { $0 = made }
            return Task { try await made.run() }
        } _: { client, address, task in
            nonisolated(unsafe) let client = client  // On its loop.
            let slow = Task(executorPreference: client.pool.loop) {
                try await client.send(.init(.get, "/slow"), to: address)
            }
            await Self.started.wait()
            await group.withLock { $0 }?.triggerGracefulShutdown()
            Self.mayEnd.send()
            #expect(try await slow.value.text == "whole")
            try await task.value
        }
    }

    @Test func `a cancelled task ends the server`() async throws {
        try await Self.withService { app in
            Task { try await app.run() }
        } _: { client, address, task in
            task.cancel()
            try await task.value
            await #expect(throws: (any Error).self) { _ = try await client.send(.init(.get, "/"), to: address) }
        }
    }

    /// What a client has sent, whether it reads what comes, and whether it has gone half away.
    private static let stuck: [(name: String, request: String, isReading: Bool, endsSending: Bool)] = [
        ("nothing", "", true, false),
        ("nothing, and half closed", "", true, true),
        ("half a head", "GET / HTTP/1.1\r\nHo", true, false),
        ("half a body", "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", true, false),
        ("half a body, unread", "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", true, false),
        ("reads no large response", "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", false, false),
        ("reads no large stream", "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", false, false),
        ("half closed, waits", "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", true, true),
        ("waits for events", "GET /events HTTP/1.1\r\nHost: a\r\n\r\n", true, false),
        ("rests after a request", "GET /small HTTP/1.1\r\nHost: a\r\n\r\n", true, false),
        ("keeps asking", String(repeating: "GET /small HTTP/1.1\r\nHost: a\r\n\r\n", count: 50), false, false),
    ]

    private static func addRoutes(_ app: App) {
        app.post("/body") { request async throws in "\(try await request.body(upTo: 100).count)" }
        app.post("/unread") { _ async throws in
            try await Task.sleep(for: .seconds(600))
            return ""
        }
        app.get("/large") { _ in Response(bytes: [UInt8](repeating: 0, count: 64 << 20)) }
        app.get("/stream") { _ in
            Response { writer in
                while true { try await writer.write([UInt8](repeating: 0, count: 1 << 20)) }
            }
        }
        app.get("/wait") { _ async throws in
            try await Task.sleep(for: .seconds(600))
            return ""
        }
        app.get("/events") { _ in ServerSentEvents(AsyncStream<ServerSentEvent> { _ in }) }
        app.get("/small") { _ in "small" }
    }

    @Test(arguments: stuck.indices) func `no client holds up the end of a server`(index: Int) async throws {
        let row = Self.stuck[index]
        let app = App()
        (app.loops, app.drainTimeout) = (1, .milliseconds(200))
        Self.addRoutes(app)
        let server = try await app.start()
        try await onLoop { loop in
            let stream = try await TCPStream.connected(to: server.address, on: loop)
            let bytes = Array(row.request.utf8)
            stream.write(bytes.span.bytes)
            if row.isReading { stream.startReading() }
            if row.endsSending { stream.endWriting() }
            // A later connection to the same loop has been answered: what came before has arrived, too.
            let client = try HTTPRequester(on: loop)
            _ = try await client.send(.init(.get, "/small"), to: server.address)
            client.close()
            let began = ContinuousClock.now
            try await server.stop()
            // What holds it up does so for ten minutes or for ever.
            #expect(ContinuousClock.now - began < .seconds(100), "\(row.name)")
            stream.close()
        }
    }

    @Test func `all who stop a server wait for its end, and for the request in flight`() async throws {
        let started = Signal(), mayEnd = Signal()
        let app = App()
        app.get("/") { _ async in
            started.send()
            await mayEnd.wait()
            return "whole"
        }
        let server = try await app.start()
        try await onLoop { loop in
            let client = try HTTPRequester(on: loop)
            defer { client.close() }
            nonisolated(unsafe) let asking = client  // On its loop.
            let answer = Task(executorPreference: loop) {
                try await asking.send(.init(.get, "/"), to: server.address).text
            }
            await started.wait()
            let waiting = Locked(3)
            let stops = (0..<3).map { _ in
                Task {
                    try await server.stop()
                    waiting.withLock { $0 -= 1 }
                }
            }
            stops[0].cancel()  // What has begun goes on.
            try await Task.sleep(for: .milliseconds(50))
            #expect(waiting.withLock { $0 } == 3)
            mayEnd.send()
            for stop in stops { try await stop.value }
            #expect(try await answer.value == "whole")
        }
    }

    /// Whether the server is stopped or only forgotten, which leaves it serving.
    @Test(arguments: [false, true]) func `a handler that outlives its server's owner ends in peace`(
        isStopped: Bool
    ) async throws {
        let started = Signal(), mayEnd = Signal(), ended = Signal()
        let app = App()
        (app.loops, app.drainTimeout) = (1, .zero)
        app.get("/") { _ async in
            started.send()
            await mayEnd.wait()
            defer { ended.send() }
            return "late"
        }
        try await onLoop { loop in
            let client = try HTTPRequester(on: loop)
            defer { client.close() }
            nonisolated(unsafe) let asking = client  // On its loop.
            var server: RunningServer? = try await app.start()
            let address = try #require(server).address
            let answer = Task(executorPreference: loop) { try await asking.send(.init(.get, "/"), to: address).text }
            await started.wait()
            if isStopped { try await server?.stop() }
            server = nil
            mayEnd.send()
            await ended.wait()
            let text = try? await answer.value
            #expect(text == (isStopped ? nil : "late"))
        }
    }
}
