import TestSupport
import Testing

@testable import Igropyr

/// A stream, and the events in it (the HTML standard, §9.2.6).
private let streams: [(wire: String, events: [ServerSentEvent])] = [
    ("data: a\n\n", [ServerSentEvent("a")]),
    ("data: a\r\n\r\ndata: b\r\rdata: c\n\n", [ServerSentEvent("a"), ServerSentEvent("b"), ServerSentEvent("c")]),
    ("data:a\ndata:  b\ndata\ndata: c:d\n\n", [ServerSentEvent("a\n b\n\nc:d")]),
    ("data\n\n", [ServerSentEvent("")]),
    ("\u{FEFF}data: a\n\n\u{FEFF}data: b\n\n", [ServerSentEvent("a")]),  // At the very start only.
    (": beat\n\n\n: beat\n\ndata: a\n\n", [ServerSentEvent("a")]),
    ("event: e\n\ndata: a\n\n", [ServerSentEvent("a")]),
    (
        "event: e\nid: 1\nretry: 20\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
        [
            ServerSentEvent("a", event: "e", id: "1", retry: .milliseconds(20)), ServerSentEvent("b", id: "1"),
            ServerSentEvent("c"),
        ]
    ),
    ("retry: 5\n\ndata: a\n\n", [ServerSentEvent("a", retry: .milliseconds(5))]),
    ("retry: -5\nretry: 9999999999\nretry: 5s\nid: a\0b\ndata: a\n\n", [ServerSentEvent("a")]),
    ("DATA: a\nother: b\n data: c\ndata: \u{1F600}\n\n", [ServerSentEvent("\u{1F600}")]),
    ("data: a\n\ndata: cut off\n", [ServerSentEvent("a")]),
]

@Suite(.timeLimit(.minutes(5))) struct EventStreamClientTests {
    @Test(arguments: streams.indices) func `a stream has the same events however it is cut`(index: Int) throws {
        let stream = streams[index]
        for step in [stream.wire.utf8.count, 7, 1] {
            var parser = EventStreamParser(limitBytes: 100)
            var events: [ServerSentEvent] = []
            var rest = Array(stream.wire.utf8)[...]
            while !rest.isEmpty {
                var piece = rest.prefix(step)
                rest = rest.dropFirst(step)
                while let event = try parser.next(in: &piece) { events.append(event) }
                #expect(piece.isEmpty)
            }
            #expect(events == stream.events)
        }
    }

    @Test(arguments: ["", "\n"]) func `an event has a limit, whether in one line or in many`(lineEnd: String) throws {
        for (pieces, isTooLarge) in [(7, false), (20, true)] {
            var parser = EventStreamParser(limitBytes: 100)
            var isRefused = false
            do {
                for _ in 0..<pieces {
                    var piece = Array("data: 23456789\(lineEnd)".utf8)[...]
                    while try parser.next(in: &piece) != nil {}
                }
            } catch { isRefused = true }
            #expect(isRefused == isTooLarge)
        }
    }

    @Test func `what a server sends as events comes as these, one by one`() async throws {
        let sent = [
            ServerSentEvent("a\nb", event: "e", id: "1", retry: .seconds(2)), ServerSentEvent("", id: "2"),
            ServerSentEvent("\u{1F600}", id: "3"),
        ]
        let (source, continuation) = AsyncStream.makeStream(of: ServerSentEvent.self)
        try await withApp { app in
            app.get("/events") { _ in ServerSentEvents(source, heartbeat: .milliseconds(1)) }
            app.get("/other") { _ in "no events" }
        } _: { caller in
            let url = "http://\(caller.server.address)"
            try await HTTPClient.shared.stream(.get, "\(url)/events") { response in
                var events = response.events.makeAsyncIterator()
                for event in sent {
                    continuation.yield(event)  // Only now: each comes before the next is there.
                    let next = try await events.next()
                    #expect(next == event)
                }
                continuation.finish()
                let last = try await events.next()
                #expect(last == nil)
            }
            let failure = await #expect(throws: HTTPRequestFailure.self) {
                try await HTTPClient.shared.stream(.get, "\(url)/other?key=secret") { response in
                    for try await _ in response.events {}
                }
            }
            let text = "\(failure, default: "")"
            #expect(text.contains("text/plain") && !text.contains("secret"), "\(text)")
        }
    }

    @Test func `an event beyond the limit is an error`() async throws {
        try await withApp { app in
            app.get("/") { _ in
                ServerSentEvents(
                    AsyncStream { continuation in
                        continuation.yield(ServerSentEvent(String(repeating: "x", count: 2000)))
                        continuation.finish()
                    })
            }
        } _: { caller in
            var settings = HTTPClient.Settings()
            settings.bodyLimit = 1000
            let client = HTTPClient(settings)
            let failure = await #expect(throws: HTTPRequestFailure.self) {
                try await client.stream(.get, "http://\(caller.server.address)/?key=secret") { response in
                    for try await _ in response.events {}
                }
            }
            #expect(failure?.cause == .tooLarge && failure?.url.contains("secret") == false)
        }
    }
}
