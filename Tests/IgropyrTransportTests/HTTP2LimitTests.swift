import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

private func settings(_ change: (inout HTTPServerSettings) -> Void) -> HTTPServerSettings {
    var settings = HTTPServerSettings()
    change(&settings)
    return settings
}

private let enhanceYourCalm: UInt32 = 0x0B

/// Accepts a request and never answers.
@Sendable private func keep(_: MessageHead, _: RawSpan, _ stream: any HTTPServerStream) {
    stream.exchange = WatchingExchange()
}

@Suite(.timeLimit(.minutes(5))) struct HTTP2LimitTests {
    @Test func `the server says what it takes`() async throws {
        try await TestServer.run(settings { $0.http2.concurrentStreams = 7 }) { server in
            let client = try await server.connectFrames()
            client.begin()
            await client.wait { !$0.frames(.settings).isEmpty }
            let payload = client.frames(.settings)[0].payload
            let entries = stride(from: 0, to: payload.count, by: 6).map { Array(payload[$0..<($0 + 6)]) }
            #expect(entries.contains([0, 3] + Frame.bytes(7)))
            #expect(entries.contains([0, 4] + Frame.bytes(65_536)))
            #expect(entries.contains([0, 6] + Frame.bytes(40_960)))
            #expect(entries.contains([0, 9] + Frame.bytes(1)))  // Priorities of RFC 9218 only.
        }
    }

    @Test func `more requests at a time than allowed are refused`() async throws {
        try await TestServer.run(settings { $0.http2.concurrentStreams = 2 }, onRequest: keep) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1), .request(3), .request(5)])
            await client.wait { $0.isOver(5) }
            #expect(client.frames(.reset).map(\.stream) == [5])
            #expect(client.frames(.reset, 5)[0].code == 7)  // REFUSED_STREAM
            #expect(server.server.counters.requests == 2)
        }
    }

    @Test func `resetting requests in quick succession ends the connection`() async throws {
        try await TestServer.run(settings { $0.http2.resets = 20 }, onRequest: keep) { server in
            let client = try await server.connectFrames()
            client.begin()
            await client.wait { !$0.frames(.settings).isEmpty }
            for id in 0..<UInt32(1000) where !client.hasEnded {
                client.send(.request(2 * id + 1), Frame(.reset, stream: 2 * id + 1, Frame.bytes(8)))
            }
            await client.waitForEnd()
            #expect(client.goAway == enhanceYourCalm)
        }
    }

    /// CVE-2025-8671 ("MadeYouReset"): whoever breaks the rules on a stream ends its request without a reset of his
    /// own.
    private static let provocations: [(name: String, frames: @Sendable (UInt32) -> [Frame])] = [
        ("a name in upper case", { [.request($0, "/", [("Upper", "case")])] }),
        ("a window that grows too large", { [.request($0), .windowUpdate($0, 1 << 31 - 1)] }),
        (
            "a body shorter than it says",
            { [.request($0, method: "POST", [("content-length", "2")], ends: false), .data($0, "x")] }
        ),
        (
            "too many trailers",  // Each is one byte, an entry of the static table (RFC 7541, appendix A).
            {
                [
                    .request($0, method: "POST", ends: false),
                    Frame(.headers, flags: 5, stream: $0, [UInt8](repeating: 0x90, count: 200)),
                ]
            }
        ),
    ]

    @Test(arguments: provocations) func `so does making the server reset them`(
        row: (name: String, frames: @Sendable (UInt32) -> [Frame])
    ) async throws {
        try await TestServer.run(settings { $0.http2.resets = 20 }, onRequest: keep) { server in
            let client = try await server.connectFrames()
            client.begin()
            await client.wait { !$0.frames(.settings).isEmpty }
            for id in stride(from: UInt32(1), to: 100, by: 2) where !client.hasEnded {
                client.send([], row.frames(id))
                await client.wait { $0.isOver(id) || $0.hasEnded }
            }
            #expect(client.goAway == enhanceYourCalm)
        }
    }

    private static let floods: [(name: String, frames: @Sendable (UInt32) -> [Frame])] = [
        ("PING", { _ in [Frame(.ping, [UInt8](repeating: 0, count: 8))] }),
        ("SETTINGS", { _ in [.settings()] }),
        ("empty DATA", { _ in [.data(1, "", ends: false)] }),
        ("PRIORITY", { _ in [Frame(.priority, stream: 1, [0, 0, 0, 0, 1])] }),
        ("WINDOW_UPDATE", { _ in [.windowUpdate(0, 1)] }),
        ("padding", { _ in [Frame(.data, flags: 8, stream: 1, [255] + [UInt8](repeating: 0, count: 255))] }),
        (
            "frames of no known type",
            { _ in
                var frame = Frame(.ping, [UInt8](repeating: 0, count: 1000))
                frame.kind = 0x77
                return [frame]
            }
        ),
        (
            "trailers for streams that are gone",
            { _ in [Frame(.headers, flags: 5, stream: 3, Frame.block([("a", String(repeating: "b", count: 500))]))] }
        ),
    ]

    @Test(arguments: floods) func `a flood of frames that do nothing ends the connection`(
        row: (name: String, frames: @Sendable (UInt32) -> [Frame])
    ) async throws {
        try await TestServer.run(
            settings {
                $0.http2.overheadBytes = 20_000
                $0.http2.overheadBytesPerSecond = 0
                $0.http2.queuedFrames = 100_000
            },
            onRequest: { head, bytes, stream in
                if bytes.string(in: head.path) == "/keep" { keep(head, bytes, stream) } else { answer(stream, "") }
            }
        ) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, "/keep", method: "POST", ends: false), .request(3)])
            _ = await client.response(3)
            for number in 0..<UInt32(500) where !client.hasEnded { client.send([], row.frames(number)) }
            await client.waitForEnd()
            #expect(client.goAway == enhanceYourCalm)
        }
    }

    @Test func `a head without end ends the connection`() async throws {
        try await TestServer.run { server in
            let client = try await server.connectFrames()
            let head = Frame(.headers, stream: 1, Frame.block([(":method", "GET")]))
            let more = [Frame](repeating: Frame(.continuation, stream: 1), count: 50_000)
            client.begin(.settings(), [head] + more)
            await client.waitForEnd()
            #expect(client.hasEnded)
            #expect(server.server.counters.requests == 0)
        }
    }

    @Test func `acknowledgements that nobody reads do not pile up`() async throws {
        try await TestServer.run(settings { $0.http2.queuedFrames = 100 }) { server in
            let client = try await server.connectFrames()
            let pings = [Frame](repeating: Frame(.ping, [UInt8](repeating: 0, count: 8)), count: 1000)
            client.begin(.settings(), pings)
            await client.waitForEnd()
            #expect(client.frames(.ping).count < 1000)
            #expect(server.server.counters.refusedRequests == 1)
        }
    }

    @Test func `frequent window updates of a client that takes much are fine`() async throws {
        let count = 4 << 20
        try await TestServer.run(
            settings {
                $0.http2.overheadBytes = 10_000
                $0.http2.overheadBytesPerSecond = 0
            },
            onRequest: { _, _, stream in answer(stream, String(repeating: "x", count: count)) }
        ) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1)])
            var granted = 65_535
            while granted < count, !client.hasEnded {
                await client.wait { [granted] in $0.bodyBytes > granted - 30_000 }
                client.send(.windowUpdate(0, 16_384), .windowUpdate(1, 16_384))
                granted += 16_384
            }
            #expect(await client.response(1).body.utf8.count == count)
            #expect(client.goAway == nil)
        }
    }

    // MARK: Time

    @Test func `a connection that rests too long is told, then closed`() async throws {
        try await TestServer.run(settings { $0.idleTimeout = .milliseconds(100) }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1)])
            _ = await client.response(1)
            await client.waitForEnd()
            #expect(client.goAway == 0)
            #expect(server.server.counters.timeouts == 0)
        }
    }

    @Test func `PING does not keep a connection that rests`() async throws {
        try await TestServer.run(settings { $0.idleTimeout = .milliseconds(200) }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1)])
            _ = await client.response(1)
            var pings = 0
            while !client.hasEnded, pings < 100_000 {
                client.send(Frame(.ping, [UInt8](repeating: 0, count: 8)))
                pings += 1
                await client.wait { [pings] in $0.frames(.ping).count >= pings }
            }
            #expect(client.hasEnded)
        }
    }

    @Test(arguments: [0, 10, 24, 40, 60]) func `who begins and does not go on is cut`(count: Int) async throws {
        try await TestServer.run(
            settings {
                $0.headTimeout = .milliseconds(100)
                $0.idleTimeout = .milliseconds(100)
            }
        ) { server in
            let client = try await server.connectFrames()
            let bytes = FrameClient.preface + Frame.settings().bytes + Frame.request(1).bytes
            client.send(Array(bytes.prefix(count)), [])
            await client.waitForEnd()
            #expect(client.hasEnded)
            #expect(server.server.counters.requests == 0)
        }
    }

    @Test func `a head that takes too long ends the connection although others are busy`() async throws {
        try await TestServer.run(settings { $0.headTimeout = .milliseconds(100) }, onRequest: keep) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1)])
            client.send(Array(Frame.request(3).bytes.dropLast(2)), [])
            await client.waitForEnd()
            #expect(client.goAway == enhanceYourCalm)
            #expect(server.server.counters.timeouts == 1)
        }
    }

    @Test func `a body that stops arriving is answered 408 and ends its stream only`() async throws {
        let aborted = Signal()
        try await TestServer.run(
            settings { $0.progressTimeout = .milliseconds(100) },
            onRequest: { head, bytes, stream in
                guard head.framing != .none else { return answerWithPath(head, bytes, stream) }
                stream.exchange = WatchingExchange(onAbort: { aborted.send() })
            }
        ) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, method: "POST", ends: false), .data(1, "abc", ends: false)])
            #expect(await aborted.wait())
            #expect(await client.response(1).status == "408")
            client.send(.request(3, "/next"))
            #expect(await client.response(3).body == "/next")
            #expect(server.server.counters.timeouts == 1)
        }
    }

    @Test func `bodies that are taken back leave the connection's window to others`() async throws {
        try await TestServer.run(onRequest: { head, bytes, stream in
            guard bytes.string(in: head.path) == "/pause" else { return stream.exchange = EchoExchange(stream) }
            stream.exchange = WatchingExchange()
            stream.pauseBody()
        }) { server in
            let client = try await server.connectFrames()
            client.begin()
            let piece = String(repeating: "x", count: 16 << 10)
            for number in 0..<UInt32(40) {
                let id = 2 * number + 1
                client.send(.request(id, "/pause", method: "POST", ends: false))
                client.send([], [Frame](repeating: .data(id, piece, ends: false), count: 4))
                client.send(Frame(.reset, stream: id, Frame.bytes(8)), Frame(.ping, [UInt8](repeating: 0, count: 8)))
                await client.wait { $0.frames(.ping).count > number }
            }
            client.send(.request(99, method: "POST", ends: false), .data(99, piece))
            #expect(await client.response(99).body == piece)
            #expect(client.goAway == nil)
        }
    }

    @Test func `a body that drips ends its stream only`() async throws {
        let slow = settings {
            $0.minimumBytesPerSecond = 1000
            $0.rateGrace = .milliseconds(200)
        }
        try await TestServer.run(
            slow,
            onRequest: { head, bytes, stream in
                guard head.framing != .none else { return answerWithPath(head, bytes, stream) }
                stream.exchange = WatchingExchange()
            }
        ) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, method: "POST", ends: false)])
            while !client.isOver(1) {
                client.send(.data(1, "x", ends: false))
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(server.server.counters.timeouts == 1)
            client.send(.request(3, "/next"))
            #expect(await client.response(3).body == "/next")
        }
    }

    @Test func `a body may drip while its response is under way`() async throws {
        let strict = settings {
            $0.minimumBytesPerSecond = 1000
            $0.rateGrace = .milliseconds(1)
        }
        try await TestServer.run(strict, onRequest: { _, _, stream in stream.exchange = DialogueExchange(stream) }) {
            server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, method: "POST", ends: false)])
            for count in 1...5 {
                client.send(.data(1, "x", ends: false))
                await client.wait { $0.bodyBytes == count || $0.isOver(1) }
                try await Task.sleep(for: .milliseconds(20))
            }
            client.send(.data(1, "y"))
            #expect(await client.response(1).body == "xxxxxy")
        }
    }

    @Test func `a client may be silent as long as it takes a response that goes on`() async throws {
        let patience = Duration.seconds(2)
        try await TestServer.run(
            settings { $0.progressTimeout = patience },
            onRequest: { _, _, stream in answerSlowly(stream, patience) }
        ) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, method: "POST", ends: false)])
            let answer = await client.response(1)
            #expect(answer.status == "200" && answer.body == String(repeating: "x", count: 30))
        }
    }

    @Test func `after so many requests the client is told to go elsewhere`() async throws {
        try await TestServer.run(settings { $0.requestsPerConnection = 2 }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, "/1"), .request(3, "/2")])
            #expect(await client.response(1).body == "/1")
            #expect(await client.response(3).body == "/2")
            await client.waitForEnd()
            #expect(client.goAway == 0)
        }
    }

    @Test func `what a client asked for before that goes on for as long as it takes`() async throws {
        let (pending, told) = (Locked<StreamBox?>(nil), Locked(0))
        try await TestServer.run(
            settings { ($0.requestsPerConnection, $0.drainIdleTimeout) = (2, .milliseconds(1)) },
            onRequest: { head, bytes, stream in
                guard bytes.string(in: head.path) == "/long" else { return answerWithPath(head, bytes, stream) }
                let box = StreamBox(stream)
                stream.exchange = WatchingExchange(onEnd: { told.withLock { $0 += 1 } })
                pending.withLock { $0 = box }
            }
        ) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, "/long"), .request(3, "/2")])
            #expect(await client.response(3).body == "/2")
            await client.wait { $0.frames(.goAway).count == 2 }
            #expect(told.withLock { $0 } == 0)
            answer(pending.withLock { $0 }!.stream, "whole")
            #expect(await client.response(1).body == "whole")
            await client.waitForEnd()
        }
    }

    @Test func `a client that opens no window loses its stream only`() async throws {
        let aborted = Signal()
        try await TestServer.run(
            settings { $0.progressTimeout = .milliseconds(100) },
            onRequest: { head, bytes, stream in
                guard bytes.string(in: head.path) == "/big" else { return answerWithPath(head, bytes, stream) }
                stream.exchange = WatchingExchange(onAbort: { aborted.send() })
                begin(stream, .chunked)
                let body = [UInt8](repeating: 0, count: 50_000)
                stream.sendBody(body.span.bytes)
            }
        ) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(initialWindow: 100), [.request(1, "/big")])
            #expect(await aborted.wait())
            await client.wait { $0.isOver(1) }
            client.send(.request(3, "/next"))
            #expect(await client.response(3).body == "/next")
        }
    }

    @Test func `a client that reads nothing at all is cut`() async throws {
        let aborted = Signal()
        try await TestServer.run(
            settings { $0.progressTimeout = .milliseconds(100) },
            onRequest: { _, _, stream in
                stream.exchange = WatchingExchange(onAbort: { aborted.send() })
                begin(stream, .chunked)
                let body = [UInt8](repeating: 0, count: 32 << 20)
                stream.sendBody(body.span.bytes)
            }
        ) { server in
            let client = try await server.connectFrames(isReading: false)
            client.begin(.settings(initialWindow: 1 << 30), [.windowUpdate(0, 1 << 30), .request(1)])
            #expect(await aborted.wait())
            #expect(server.server.counters.timeouts == 1)
        }
    }

    @Test func `so is one that goes on sending meanwhile`() async throws {
        try await TestServer.run(
            settings {
                $0.progressTimeout = .milliseconds(200)
                $0.http2.overheadBytes = .max
            },
            onRequest: { _, _, stream in
                begin(stream, .chunked)
                let body = [UInt8](repeating: 0, count: 32 << 20)
                stream.sendBody(body.span.bytes)
            }
        ) { server in
            let client = try await server.connectFrames(isReading: false)
            client.begin(.settings(initialWindow: 1 << 30), [.windowUpdate(0, 1 << 30), .request(1)])
            for _ in 0..<1000 where server.server.counters.timeouts == 0 {
                client.send(.windowUpdate(0, 1))
                try await Task.sleep(for: .milliseconds(20))  // Often enough to seem alive.
            }
            #expect(server.server.counters.timeouts == 1)
        }
    }

    @Test func `a connection without window is cut when nothing of it moves`() async throws {
        let aborted = Signal()
        try await TestServer.run(
            settings { $0.progressTimeout = .milliseconds(100) },
            onRequest: { _, _, stream in
                stream.exchange = WatchingExchange(onAbort: { aborted.send() })
                begin(stream, .chunked)
                let body = [UInt8](repeating: 0, count: 100_000)
                stream.sendBody(body.span.bytes)
            }
        ) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(initialWindow: 1 << 30), [.request(1)])
            #expect(await aborted.wait())
            await client.waitForEnd()
            #expect(client.hasEnded)
        }
    }

    @Test func `a response that waits for another one's turn does not count as slow`() async throws {
        let aborted = Locked(0)
        try await TestServer.run(
            settings {
                $0.progressTimeout = .seconds(2)
                $0.http2.overheadBytes = .max
            },
            onRequest: { _, _, stream in
                stream.exchange = WatchingExchange(onAbort: { aborted.withLock { $0 += 1 } })
                begin(stream, .chunked)
                let body = [UInt8](repeating: 0, count: 1 << 20)
                stream.sendBody(body.span.bytes)
            }
        ) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(initialWindow: 1 << 30), [.request(1), .request(3), .request(5)])
            let end = ContinuousClock.now.advanced(by: .seconds(5))
            var granted = 65_535
            while !client.hasEnded, ContinuousClock.now < end {
                await client.wait { [granted] in $0.bodyBytes == granted }
                client.send(.windowUpdate(0, 1))
                granted += 1
            }
            #expect(!client.hasEnded)
            #expect(aborted.withLock { $0 } == 0)
            #expect(client.frames(.data).map(\.stream).max() == 1)  // In turn (RFC 9218 §10).
        }
    }

    // MARK: Memory

    @Test func `what waits for a client is bounded, whatever it asks for`() async throws {
        let most = Locked(0)
        try await TestServer.run(
            settings {
                $0.highWaterBytes = 200_000
                $0.http2.streamHighWaterBytes = 50_000
            },
            onRequest: { _, _, stream in
                begin(stream, .chunked)
                let piece = [UInt8](repeating: 0, count: 10_000)
                var sent = 0
                while stream.canWrite {
                    stream.sendBody(piece.span.bytes)
                    sent += piece.count
                }
                most.withLock { $0 += sent }
            }
        ) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(initialWindow: 0), (0..<100).map { .request(2 * $0 + 1) })
            await client.wait { $0.frames(.headers).count == 100 }
            #expect(most.withLock { $0 } <= 200_000 + 50_000 + 100 * 10_000)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct HTTP2DrainTests {
    @Test func `draining announces the end, takes what is on its way, and closes`() async throws {
        let drained = Signal()
        let pending = Locked<StreamBox?>(nil)
        let began = Signal()
        try await TestServer.run(
            settings { $0.drainIdleTimeout = .milliseconds(300) },
            onRequest: { head, bytes, stream in
                guard bytes.string(in: head.path) == "/slow" else { return answerWithPath(head, bytes, stream) }
                let box = StreamBox(stream)
                pending.withLock { $0 = box }
                began.send()
            }
        ) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, "/slow")])
            await began.wait()
            server.server.drain(timeout: .seconds(30)) { drained.send() }
            await client.wait { $0.goAway != nil }
            #expect(client.frames(.goAway)[0].payload == Frame.bytes(0x7FFF_FFFF) + Frame.bytes(0))
            client.send(.request(3, "/on-its-way"))
            #expect(await client.response(3).body == "/on-its-way")
            await client.wait { $0.frames(.goAway).count == 2 }
            #expect(client.frames(.goAway)[1].payload == Frame.bytes(3) + Frame.bytes(0))
            client.send(.request(5, "/too-late"))
            answer(pending.withLock { $0 }!.stream, "late")
            #expect(await client.response(1).body == "late")
            await client.waitForEnd()
            client.close()
            #expect(await drained.wait())
            #expect(client.frames(.headers, 5).isEmpty)
        }
    }

    @Test func `what does not end in time is cut`() async throws {
        let began = Signal()
        let aborted = Signal()
        try await TestServer.run(onRequest: { _, _, stream in
            stream.exchange = WatchingExchange(onAbort: { aborted.send() })
            began.send()
        }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1)])
            await began.wait()
            await withCheckedContinuation { continuation in
                server.server.drain(timeout: .milliseconds(50)) { continuation.resume() }
            }
            #expect(await aborted.wait())
            await client.waitForEnd()
            #expect(client.hasEnded)
        }
    }
}
