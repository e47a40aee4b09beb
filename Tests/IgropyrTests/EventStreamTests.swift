import FoundationEssentials
import HTTPTypes
import Igropyr
import IgropyrUV
import TestSupport
import Testing

private struct Cancelled: Error {}

@Suite(.timeLimit(.minutes(5))) struct EventStreamTests {
    private static let events: [(event: ServerSentEvent, text: String)] = [
        (ServerSentEvent("a"), "data: a\n\n"),
        (ServerSentEvent(""), "data: \n\n"),
        (ServerSentEvent("a\nb\r\nc\rd\n"), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"),
        (
            ServerSentEvent("a", event: "e", id: "1", retry: .seconds(2)),
            "id: 1\nevent: e\nretry: 2000\ndata: a\n\n"
        ),
        (ServerSentEvent("a", event: "e\ndata: evil", id: "1\r\n2"), "id: 1 2\nevent: e data: evil\ndata: a\n\n"),
    ]

    @Test func `events come as a browser reads them`() async throws {
        try await withApp { app in
            app.get("/") { _ in
                ServerSentEvents(
                    AsyncStream { continuation in
                        for (event, _) in Self.events { continuation.yield(event) }
                        continuation.finish()
                    })
            }
            app.get("/last") { request in request.lastEventID ?? "-" }
        } _: { caller in
            let response = try await caller.send("/")
            #expect(response.field("Content-Type") == "text/event-stream")
            #expect(response.field("Cache-Control") == "no-store")
            #expect(response.text == Self.events.map(\.text).joined())
            #expect(try await caller.send("/last", [("Last-Event-ID", "7")]).text == "7")
        }
    }

    @Test func `a heartbeat fills the silence, and the source is cancelled when the client goes away`() async throws {
        let ended = Signal()
        try await withApp { app in
            app.get("/") { _ in
                let (events, continuation) = AsyncStream.makeStream(of: ServerSentEvent.self)
                continuation.onTermination = { _ in ended.send() }
                continuation.yield(ServerSentEvent("first"))
                return ServerSentEvents(events, heartbeat: .milliseconds(20))
            }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let text = await raw.receive { $0.components(separatedBy: ": \n\n").count > 3 }
            #expect(text.contains("data: first\n\n"))
            raw.close()
            await ended.wait()
        }
    }

    @Test func `heartbeats are compressed as the events are, and mapped`() async throws {
        let (events, continuation) = AsyncStream.makeStream(of: ServerSentEvent.self)
        try await withApp { app in
            app.compression = Compression()
            app.compression?.types.append("text/event-stream")
            app.use { request, next in
                var response = await next(request)
                response.mapBody { piece in Array(String(decoding: piece, as: UTF8.self).uppercased().utf8) }
                return response
            }
            app.get("/") { _ in ServerSentEvents(events, heartbeat: .milliseconds(1)) }
        } _: { caller in
            let curl = try BackgroundCommand([
                "curl", "-sSN", "--compressed", "-H", "Accept-Encoding: gzip", "http://\(caller.server.address)/",
            ])
            try await eventually("there is a heartbeat") { curl.output.contains(": \n\n: \n\n") }
            continuation.yield(ServerSentEvent("a", event: "last"))
            continuation.finish()
            try await eventually("the event is there") { curl.output.hasSuffix("EVENT: LAST\nDATA: A\n\n") }
        }
    }

    @Test func `a heartbeat of no time at all leaves the loop to others`() async throws {
        try await withApp { app in
            app.loops = 1
            app.get("/") { _ in
                ServerSentEvents(AsyncStream.makeStream(of: ServerSentEvent.self).stream, heartbeat: .zero)
            }
            app.get("/other") { _ in "answered" }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await raw.receive { $0.contains(": \n\n") }
            #expect(try await caller.send("/other").text == "answered")
            raw.close()
        }
    }

    /// What there is to say, and how it takes that nobody asks any more.
    private static let sources: [(name: String, make: @Sendable () -> ServerSentEvents)] = [
        ("ends", { ServerSentEvents(AsyncStream { $0.yield(ServerSentEvent("a")) }) }),
        (
            "throws",
            {
                let said = Locked(false)
                return ServerSentEvents(
                    AsyncThrowingStream {
                        if said.withLock({ $0 }) { try await Task.sleep(for: .seconds(600)) }
                        said.withLock { $0 = true }
                        return ServerSentEvent("a")
                    })
            }
        ),
        (
            "throws what is its own",
            {
                let said = Locked(false)
                return ServerSentEvents(
                    AsyncThrowingStream {
                        if said.withLock({ $0 }) {
                            do { try await Task.sleep(for: .seconds(600)) } catch { throw Cancelled() }
                        }
                        said.withLock { $0 = true }
                        return ServerSentEvent("a")
                    })
            }
        ),
        (
            "goes on",
            {
                ServerSentEvents(
                    AsyncStream {
                        try? await Task.sleep(for: .milliseconds(1))
                        return ServerSentEvent("a")
                    })
            }
        ),
    ]

    @Test(arguments: sources.indices) func `a server that stops ends the streams of events as they should end`(
        index: Int
    ) async throws {
        let app = App()
        (app.loops, app.drainTimeout) = (1, .seconds(3600))
        app.get("/") { _ in Self.sources[index].make() }
        let server = try await app.start()
        try await onLoop { loop in
            let raw = try await StreamClient(to: server.address, on: loop)
            raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await raw.receive { $0.contains("data: a\n\n") }
            try await server.stop()
            let text = await raw.receive { _ in false }
            #expect(text.hasSuffix("\r\n0\r\n\r\n"), "\(Self.sources[index].name)")
        }
    }

    @Test func `pieces of a sequence are a body`() async throws {
        try await withApp { app in
            app.get("/") { _ in
                let pieces = AsyncStream<[UInt8]> { continuation in
                    for text in ["a", "bc", ""] { continuation.yield(Array(text.utf8)) }
                    continuation.finish()
                }
                return Response(contentType: "text/plain", pieces: pieces)
            }
        } _: { caller in
            let response = try await caller.send("/")
            #expect(response.text == "abc")
            #expect(response.field("Transfer-Encoding") == "chunked")
        }
    }
}
