import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

/// Answers what is asked at once, or a body with itself.
@Sendable private func echo(_ head: MessageHead, _ bytes: RawSpan, _ stream: any HTTPServerStream) {
    guard head.framing == .none else {
        stream.exchange = EchoExchange(stream)
        return
    }
    answerWithPath(head, bytes, stream)
}

@Suite(.timeLimit(.minutes(5))) struct HTTP2ConnectionTests {
    @Test(arguments: [1, 2, 5, 9, 24, 1000]) func `requests are answered however their bytes are cut`(
        step: Int
    ) async throws {
        try await TestServer.run(onRequest: echo) { server in
            let client = try await server.connectFrames()
            let frames: [Frame] = [
                .settings(), .request(1, "/one"), .request(3, "/", method: "POST", ends: false),
                .data(3, "hel", ends: false), .request(5, "/three"), .data(3, "lo"),
            ]
            await client.send(FrameClient.preface + frames.flatMap(\.bytes), step: step)
            for (id, body) in [(UInt32(1), "/one"), (3, "hello"), (5, "/three")] {
                let response = await client.response(id)
                #expect(response.status == "200")
                #expect(response.body == body)
            }
            #expect(client.goAway == nil)
            #expect(server.server.counters.requests == 3)
        }
    }

    @Test(arguments: [1, 3, 14, 15, 16, 23]) func `a head that only begins like the preface is one of HTTP 1`(
        count: Int
    ) async throws {
        try await TestServer.run { server in
            let client = try await server.connect()
            let begin = String(decoding: FrameClient.preface.prefix(count), as: UTF8.self)
            client.send(begin)
            client.send("X\r\nHost: a\r\n\r\n")
            #expect(await client.receiveAll().hasPrefix("HTTP/1.1 "))
            #expect(server.server.counters.requests == 0)
        }
    }

    @Test func `a server that is told so speaks no HTTP 2`() async throws {
        var settings = HTTPServerSettings()
        settings.http2.isEnabled = false
        try await TestServer.run(settings) { server in
            let text = try await server.exchange(String(decoding: FrameClient.preface, as: UTF8.self))
            #expect(text.hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func `a header block may go on in further frames`() async throws {
        try await TestServer.run { server in
            let client = try await server.connectFrames()
            let whole = Frame.request(1, "/split")
            let cuts = [0, 3, 20, whole.payload.count]
            let frames = (0..<3).map { part in
                Frame(
                    part == 0 ? .headers : .continuation,
                    flags: (part == 0 ? Frame.endStream : 0) | (part == 2 ? Frame.endHeaders : 0), stream: 1,
                    Array(whole.payload[cuts[part]..<cuts[part + 1]]))
            }
            client.begin(.settings(), frames)
            #expect(await client.response(1).body == "/split")
        }
    }

    @Test func `HEAD gets the length of a body and not the body`() async throws {
        try await TestServer.run { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, "/abc", method: "HEAD")])
            let response = await client.response(1)
            #expect(response.status == "200")
            #expect(response.body.isEmpty)
            #expect(client.frames(.headers, 1)[0].fields.contains("content-length: 4"))
            #expect(client.frames(.data).isEmpty)
        }
    }

    @Test(arguments: [204, 205, 304]) func `a status without a body has none`(status: Int) async throws {
        try await TestServer.run(onRequest: { _, _, stream in answer(stream, status: status, "body") }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1)])
            #expect(await client.response(1).status == "\(status)")
            #expect(client.frames(.data).isEmpty)
            let length = client.frames(.headers, 1)[0].fields.first { $0.hasPrefix("content-length") }
            #expect(length == (status == 205 ? "content-length: 0" : nil))
        }
    }

    @Test func `fields that belong to HTTP 1's connections stay away`() async throws {
        try await TestServer.run(onRequest: { _, _, stream in
            do {
                try stream.beginResponse(status: 200, framing: .chunked)
                try stream.appendField("Connection", "close")
                try stream.appendField("X-Other", "1")
                stream.endHead()
                stream.endResponse()
            } catch { Issue.record(error) }
        }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1)])
            await client.wait { $0.isOver(1) }
            let names = client.frames(.headers, 1)[0].fields.map { $0.dropFirst().prefix { $0 != ":" } }
            #expect(names == ["status", "ate", "erver", "-other"])
        }
    }

    @Test func `a client that waits for it is told to go on`() async throws {
        try await TestServer.run(onRequest: echo) { server in
            let client = try await server.connectFrames()
            client.begin(
                .settings(),
                [.request(1, method: "POST", [("expect", "100-continue"), ("content-length", "3")], ends: false)])
            await client.wait { !$0.frames(.headers, 1).isEmpty }
            #expect(client.frames(.headers, 1)[0].status == "100")
            client.send(.data(1, "abc"))
            #expect(await client.response(1).body == "abc")
        }
    }

    @Test func `trailers end a request`() async throws {
        try await TestServer.run(onRequest: echo) { server in
            let client = try await server.connectFrames()
            let flags = Frame.endStream | Frame.endHeaders
            client.begin(
                .settings(),
                [
                    .request(1, method: "POST", ends: false), .data(1, "abc", ends: false),
                    Frame(.headers, flags: flags, stream: 1, Frame.block([("x-sum", "1")])),
                ])
            #expect(await client.response(1).body == "abc")
        }
    }

    @Test(arguments: [1, 5, 1000]) func `a body that is paused again and again arrives whole`(step: Int) async throws {
        try await TestServer.run(onRequest: { _, _, stream in
            stream.exchange = EchoExchange(stream, pausing: true)
        }) { server in
            let client = try await server.connectFrames()
            let parts = (0..<40).map { "part \($0);" }
            let frames: [Frame] =
                [.settings(), .request(1, method: "POST", ends: false)]
                + parts.enumerated().map { Frame.data(1, $1, ends: $0 == parts.count - 1) }
            await client.send(FrameClient.preface + frames.flatMap(\.bytes), step: step)
            #expect(await client.response(1).body == parts.joined())
        }
    }

    // MARK: Flow control

    @Test func `a paused body holds its client back, and no other`() async throws {
        let paused = Locked<StreamBox?>(nil)
        try await TestServer.run(onRequest: { head, bytes, stream in
            guard bytes.string(in: head.path) == "/paused" else { return echo(head, bytes, stream) }
            stream.exchange = EchoExchange(stream)
            stream.pauseBody()
            let box = StreamBox(stream)
            paused.withLock { $0 = box }
        }) { server in
            let client = try await server.connectFrames()
            client.begin(
                .settings(initialWindow: 1 << 30),
                [.windowUpdate(0, 1 << 30), .request(1, "/paused", method: "POST", ends: false)])
            let piece = String(repeating: "x", count: 16_384)
            for _ in 0..<3 { client.send(.data(1, piece, ends: false)) }
            client.send(.data(1, String(piece.dropLast()), ends: false))  // The stream's window is used up.
            client.send(
                .request(3, "/other", method: "POST", ends: false), .data(3, piece, ends: false), .data(3, piece))
            #expect(await client.response(3).body.utf8.count == 2 * 16_384)
            #expect(client.frames(.windowUpdate, 1).isEmpty)
            paused.withLock { $0 }!.stream.resumeBody()
            await client.wait { !$0.frames(.windowUpdate, 1).isEmpty }
            client.send(.data(1, "end"))
            #expect(await client.response(1).body.utf8.count == 65_538)
        }
    }

    @Test func `a response goes as far as the client's windows, and its handler hears when to go on`() async throws {
        let drains = Locked(0)
        let count = 300_000
        try await TestServer.run(onRequest: { _, _, stream in
            stream.exchange = WatchingExchange(onDrain: { drains.withLock { $0 += 1 } })
            begin(stream, .chunked)
            let body = [UInt8](repeating: UInt8(ascii: "x"), count: count)
            stream.sendBody(body.span.bytes)
            #expect(!stream.canWrite)
            #expect(stream.isWaitingForClient)
        }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(initialWindow: 10_000), [.request(1)])
            await client.wait { $0.body(1).utf8.count == 10_000 }
            client.send(.windowUpdate(1, 200_000))
            await client.wait { $0.body(1).utf8.count == 65_535 }  // Now the connection's window is the narrower one.
            #expect(drains.withLock { $0 } == 0)
            client.send(.windowUpdate(0, 1_000_000), .windowUpdate(1, 200_000))
            await client.wait { $0.body(1).utf8.count == count }
            #expect(drains.withLock { $0 } == 1)
        }
    }

    @Test func `a client that takes nothing gets a large body whole later`() async throws {
        let count = 8 << 20
        try await TestServer.run(onRequest: { _, _, stream in
            answer(stream, String(repeating: "x", count: count))
        }) { server in
            let client = try await server.connectFrames(isReading: false)
            client.begin(
                .settings(initialWindow: 1 << 30), [.windowUpdate(0, 1 << 30), .request(1)])
            client.startReading()
            #expect(await client.response(1).body.utf8.count == count)
        }
    }

    @Test func `a body that is taken may be sent further ahead, half of the connection's window`() async throws {
        try await TestServer.run(onRequest: echo) { server in
            let client = try await server.connectFrames()
            client.begin(
                .settings(initialWindow: 1 << 30),
                [.windowUpdate(0, 1 << 30), .request(1, method: "POST", ends: false)])
            let piece = String(repeating: "x", count: 16_384)
            let window = { (client: FrameClient) in
                client.frames(.windowUpdate, 1).reduce(65_535) { $0 + Int($1.code) }
            }
            for _ in 0..<3 { client.send(.data(1, piece, ends: false)) }
            await client.wait { window($0) > 65_535 }
            #expect(window(client) <= 2 * 65_536, "as much as was taken")
            for _ in 0..<2 { client.send(.data(1, piece, ends: false)) }
            await client.wait { window($0) >= 400_000 }
            #expect(window(client) <= 512 << 10 + 5 * 16_384)
            client.send(.data(1, "end"))
            #expect(await client.response(1).body.utf8.count == 5 * 16_384 + 3)
        }
    }

    @Test func `who sends more than its window ends the connection`() async throws {
        try await TestServer.run(onRequest: { _, _, stream in
            stream.exchange = EchoExchange(stream)
            stream.pauseBody()
        }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, method: "POST", ends: false)])
            let piece = String(repeating: "x", count: 16_384)
            for _ in 0..<5 { client.send(.data(1, piece, ends: false)) }
            await client.wait { $0.isOver(1) }
            #expect(client.frames(.reset, 1).last?.code == 3)  // FLOW_CONTROL_ERROR
        }
    }

    // MARK: Ends

    @Test func `an answer before the end of the question stops the client in time`() async throws {
        var settings = HTTPServerSettings()
        settings.lingerTimeout = .milliseconds(50)
        try await TestServer.run(settings) { server in
            let client = try await server.connectFrames()
            client.begin(
                .settings(), [.request(1, "/early", method: "POST", ends: false), .data(1, "abc", ends: false)])
            #expect(await client.response(1).body == "/early")
            await client.wait { !$0.frames(.reset, 1).isEmpty }
            #expect(client.frames(.reset, 1)[0].code == 0)
            client.send(.request(3, "/next"))
            #expect(await client.response(3).body == "/next")
        }
    }

    @Test func `a reset tells the exchange that its client is gone, and spares the others`() async throws {
        let began = Signal()
        let aborted = Signal()
        try await TestServer.run(onRequest: { head, bytes, stream in
            guard bytes.string(in: head.path) == "/slow" else { return answerWithPath(head, bytes, stream) }
            stream.exchange = WatchingExchange(onAbort: { aborted.send() })
            began.send()
        }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, "/slow")])
            await began.wait()
            client.send(Frame(.reset, stream: 1, Frame.bytes(8)))
            #expect(await aborted.wait())
            client.send(.request(3, "/other"))
            #expect(await client.response(3).body == "/other")
        }
    }

    @Test func `a broken connection tells all exchanges`() async throws {
        let began = Locked(0)
        let aborted = Locked(0)
        let done = Signal()
        try await TestServer.run(onRequest: { _, _, stream in
            began.withLock { $0 += 1 }
            stream.exchange = WatchingExchange(onAbort: {
                if aborted.withLock({
                    $0 += 1; return $0
                }) == 3 {
                    done.send()
                }
            })
        }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1), .request(3), .request(5)])
            await client.wait { !$0.frames(.settings).isEmpty }
            client.reset()
            #expect(await done.wait())
        }
    }

    @Test func `a handler that gives up resets its stream only`() async throws {
        try await TestServer.run(onRequest: { head, bytes, stream in
            guard bytes.string(in: head.path) == "/bad" else { return answerWithPath(head, bytes, stream) }
            begin(stream, .length(9))
            stream.abort()
        }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, "/bad"), .request(3, "/good")])
            #expect(await client.response(3).body == "/good")
            await client.wait { $0.isOver(1) }
            #expect(client.frames(.reset, 1)[0].code == 2)
        }
    }

    @Test func `what was written of a response leaves before the reset that cuts it`() async throws {
        try await TestServer.run(onRequest: { _, _, stream in
            let box = StreamBox(stream)
            Task(executorPreference: stream.loop) {
                begin(box.stream, .chunked)
                let body = Array("begun".utf8)
                box.stream.sendBody(body.span.bytes)
                box.stream.abort()
            }
        }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1)])
            await client.wait { $0.isOver(1) }
            #expect(client.frames(.headers, 1).count == 1 && client.body(1) == "begun")
            #expect(client.frames(.reset, 1)[0].code == 2)
        }
    }

    @Test(arguments: [UInt64(3), 9]) func `a body of another length than announced is cut`(length: UInt64) async throws
    {
        try await TestServer.run(onRequest: { _, _, stream in
            begin(stream, .length(length))
            let body = Array("123456".utf8)
            stream.sendBody(body.span.bytes)
            stream.endResponse()
        }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1)])
            await client.wait { $0.isOver(1) }
            #expect(client.frames(.reset, 1).last?.code == 2)
        }
    }

    @Test func `who has asked and ends its side gets every answer`() async throws {
        try await TestServer.run(onRequest: { head, bytes, stream in
            let box = StreamBox(stream)
            stream.loop.submit { answer(box.stream, "late") }
        }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1), .request(3)])
            client.endSending()
            await client.waitForEnd()
            #expect(client.body(1) == "late")
            #expect(client.body(3) == "late")
        }
    }

    /// A window is opened by who still speaks. Of the stream, and of the connection.
    @Test(arguments: [(0, 10), (1 << 30, 100_000)])
    func `who ends its side is not waited for once it has no window left`(window: UInt32, count: Int) async throws {
        try await TestServer.run(onRequest: { head, bytes, stream in
            let box = StreamBox(stream)
            stream.loop.submit { answer(box.stream, String(repeating: "x", count: count)) }
        }) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(initialWindow: window), [.request(1)])
            client.endSending()
            await client.waitForEnd()
            #expect(client.frames(.reset, 1).count == 1)
            #expect(client.body(1).utf8.count == (window == 0 ? 0 : 65_535))
            #expect(server.server.counters.timeouts == 0)
        }
    }

    // MARK: What is wrong

    private static let malformed: [(fields: [(String, String)], ends: Bool, status: String?)] = [
        ([(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a")], true, "200"),
        ([(":method", "GET"), (":scheme", "http"), (":path", "/")], true, nil),
        ([(":method", "GET"), (":path", "/"), (":authority", "a")], true, nil),
        ([(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("Upper", "x")], true, nil),
        (
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("connection", "x")], true,
            nil
        ),
        ([(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("a", "x\ny")], true, nil),
        (
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("content-length", "3")],
            true, nil
        ),
        ([(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("host", "b")], true, "400"),
        ([(":method", "GET"), (":scheme", "http"), (":path", "/#"), (":authority", "a")], true, "400"),
        ([(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("expect", "x")], true, "417"),
        (
            [
                (":method", "GET"), (":scheme", "http"), (":path", "/" + String(repeating: "a", count: 9000)),
                (":authority", "a"),
            ], true, "414"
        ),
        (
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")]
                + (0..<200).map { ("a\($0)", "b") }, true, "431"
        ),
    ]

    @Test(arguments: malformed) func `a malformed request ends its stream, and the next one is answered`(
        row: (fields: [(String, String)], ends: Bool, status: String?)
    ) async throws {
        try await TestServer.run { server in
            let client = try await server.connectFrames()
            let head = Frame(.headers, flags: Frame.endHeaders | Frame.endStream, stream: 1, Frame.block(row.fields))
            client.begin(.settings(), [head, .request(3, "/next")])
            #expect(await client.response(3).body == "/next")
            await client.wait { $0.isOver(1) }
            #expect(client.frames(.headers, 1).first?.status == row.status)
            if row.status == nil { #expect(client.frames(.reset, 1).first?.code == 1) }  // PROTOCOL_ERROR
            #expect(server.server.counters.refusedRequests == (row.status == "200" ? 0 : 1))
        }
    }

    @Test func `a body of another length than announced ends its stream`() async throws {
        let aborted = Signal()
        try await TestServer.run(onRequest: { _, _, stream in
            stream.exchange = WatchingExchange(onAbort: { aborted.send() })
        }) { server in
            let client = try await server.connectFrames()
            client.begin(
                .settings(), [.request(1, method: "POST", [("content-length", "5")], ends: false), .data(1, "abc")])
            #expect(await aborted.wait())
            await client.wait { $0.isOver(1) }
            #expect(client.frames(.reset, 1).first?.code == 1)
        }
    }

    @Test func `a head of tens of kilobytes is refused, a larger one ends the connection`() async throws {
        try await TestServer.run { server in
            let client = try await server.connectFrames()
            let value = String(repeating: "a", count: 15_000)
            func part(_ kind: Frame.Kind, _ stream: UInt32, flags: UInt8, _ fields: [(String, String)]) -> Frame {
                Frame(kind, flags: flags, stream: stream, Frame.block(fields))
            }
            let pseudo = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")]
            client.begin(
                .settings(),
                [
                    part(.headers, 1, flags: Frame.endStream, pseudo), part(.continuation, 1, flags: 0, [("a", value)]),
                    part(.continuation, 1, flags: 0, [("b", value)]),
                    part(.continuation, 1, flags: Frame.endHeaders, [("c", value)]),
                ])
            #expect(await client.response(1).status == "431")
            // One field that goes into the table, and 100 times its number there (RFC 7541 §6.1, §6.2.1).
            let field = [0x40] + Frame.block([("a", String(value.prefix(3000)))]).dropFirst()
            let bomb = field + [UInt8](repeating: 0x80 | 62, count: 100)
            client.send(
                Frame(.headers, flags: Frame.endStream | Frame.endHeaders, stream: 3, Frame.block(pseudo) + bomb))
            await client.waitForEnd()
            #expect(client.goAway == 0x0B)  // ENHANCE_YOUR_CALM
        }
    }

    private static let garbage: [[UInt8]] = [
        Frame(.data, stream: 1, [1]).bytes,  // An idle stream.
        Frame(.settings, stream: 1).bytes,
        Frame(.settings, [0]).bytes,
        Frame(.ping, [1]).bytes,
        Frame(.windowUpdate, [0, 0, 0, 0]).bytes,
        Frame(.continuation, flags: 4, stream: 1).bytes,
        Frame(.headers, flags: 4, stream: 2).bytes,  // Even numbers are a server's.
        Frame(.push, stream: 1, [0, 0, 0, 2]).bytes,
        [0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1],
        Frame(.headers, flags: 4, stream: 1, [0x80]).bytes,  // Index 0.
    ]

    @Test(arguments: garbage) func `what breaks the framing ends the connection, with a reason`(
        bytes: [UInt8]
    ) async throws {
        try await TestServer.run { server in
            let client = try await server.connectFrames()
            client.begin()
            client.send(bytes, [])
            await client.waitForEnd()
            #expect(client.goAway != nil && client.goAway != 0)
            #expect(server.server.counters.refusedRequests >= 1)
        }
    }

    @Test func `random bytes after the preface harm nobody`() async throws {
        try await TestServer.run { server in
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<40 {
                let client = try await server.connectFrames()
                client.begin()
                client.send((0..<4000).map { _ in UInt8.random(in: 0...255, using: &generator) }, [])
                client.endSending()
                await client.waitForEnd()
            }
            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1, "/fine")])
            #expect(await client.response(1).body == "/fine")
        }
    }
}

/// Carries a stream past the compiler's check; it stays on the test's one loop.
struct StreamBox: @unchecked Sendable {
    let stream: any HTTPServerStream

    init(_ stream: any HTTPServerStream) { self.stream = stream }
}
