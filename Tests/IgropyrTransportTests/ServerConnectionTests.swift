import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

extension String {
    /// The bodies of responses whose heads say how long they are, in their order.
    fileprivate var bodies: [String] {
        var rest = Substring(self)
        var bodies: [String] = []
        while let end = rest.range(of: "\r\n\r\n"), let field = rest.range(of: "Content-Length: "),
            let length = Int(rest[field.upperBound...].prefix { $0.isNumber })
        {
            bodies.append(String(rest[end.upperBound...].prefix(length)))
            rest = rest[end.upperBound...].dropFirst(length)
        }
        return bodies
    }

    fileprivate var status: Int? { hasPrefix("HTTP/1.1 ") ? Int(dropFirst(9).prefix(3)) : nil }
}

extension Substring {
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].utf8.starts(with: text.utf8) {
                return start..<utf8.index(start, offsetBy: text.utf8.count)
            }
            start = utf8.index(after: start)
        }
        return nil
    }
}

@Suite(.timeLimit(.minutes(5))) struct ServerConnectionTests {
    @Test(arguments: [1, 7, 1000]) func `pipelined requests are answered in order however they are cut`(
        step: Int
    ) async throws {
        try await TestServer.run { server in
            let paths = ["/a", "/bb", "/ccc"]
            let client = try await server.connect()
            await client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined(), step: step)
            let text = await client.receive { $0.hasSuffix("/ccc") }
            #expect(text.bodies == paths)
            #expect(client.ending == nil)
        }
    }

    private static let persistence: [(request: String, connection: String?, closes: Bool)] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", nil, false),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "close", true),
        ("GET / HTTP/1.0\r\n\r\n", "close", true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", false),
    ]

    @Test(arguments: persistence) func `a connection lasts as long as the client asks for`(
        request: String, connection: String?, closes: Bool
    ) async throws {
        try await TestServer.run { server in
            let client = try await server.connect()
            client.send(request)
            let text = closes ? await client.receiveAll() : await client.receive { $0.hasSuffix("\r\n\r\n/") }
            #expect(text.bodies == ["/"])
            #expect(text.contains("Connection: ") == (connection != nil))
            if let connection { #expect(text.contains("Connection: \(connection)\r\n")) }
            guard !closes else { return }
            client.send(request)
            #expect(await client.receive { $0.bodies.count == 2 }.bodies == ["/", "/"])
        }
    }

    private static let unread: [(head: String, bodyBytes: Int, livesOn: Bool)] = [
        ("Content-Length: 5", 5, true), ("Content-Length: 1000", 1000, true), ("Content-Length: 1001", 1001, false),
        ("Content-Length: 5\r\nExpect: 100-continue", 5, false),
    ]

    /// Else the client asks for more where nobody listens any more.
    @Test(arguments: unread)
    func `an answer that leaves the body unread lets the connection live on, or says that it ends`(
        head: String, bodyBytes: Int, livesOn: Bool
    ) async throws {
        var settings = HTTPServerSettings()
        settings.unreadBodyBytes = 1000
        try await TestServer.run(settings) { server in
            let client = try await server.connect()
            client.send("POST /1 HTTP/1.1\r\nHost: a\r\n\(head)\r\n\r\n")
            let text = await client.receive { $0.bodies == ["/1"] }
            #expect(text.contains("Connection: close\r\n") == !livesOn)
            client.send(String(repeating: "x", count: bodyBytes) + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            guard livesOn else { return #expect(await client.receiveAll().bodies == ["/1"]) }
            #expect(await client.receive { $0.bodies.count == 2 }.bodies == ["/1", "/2"])
        }
    }

    @Test(arguments: [1000, 1001]) func `chunks that nobody reads are dropped, not without end`(
        bodyBytes: Int
    ) async throws {
        var settings = HTTPServerSettings()
        settings.unreadBodyBytes = 1000
        try await TestServer.run(settings) { server in
            let client = try await server.connect()
            client.send("POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            _ = await client.receive { $0.bodies == ["/1"] }
            let body = "\(String(bodyBytes, radix: 16))\r\n\(String(repeating: "x", count: bodyBytes))\r\n0\r\n\r\n"
            client.send(body)
            guard bodyBytes <= 1000 else { return #expect(await client.receiveAll().bodies == ["/1"]) }
            client.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await client.receive { $0.bodies.count == 2 }.bodies == ["/1", "/2"])
        }
    }

    @Test func `what a handler had wait of a body is dropped once it has answered`() async throws {
        try await TestServer.run { head, bytes, connection in
            if head.framing != .none { connection.pauseBody() }
            answerWithPath(head, bytes, connection)
        } _: { server in
            let client = try await server.connect()
            client.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
            _ = await client.receive { $0.bodies == ["/1"] }
            client.send("abcdeGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await client.receive { $0.bodies.count == 2 }.bodies == ["/1", "/2"])
        }
    }

    @Test func `a request behind one that closes the connection is not handled`() async throws {
        try await TestServer.run { server in
            let text = try await server.exchange(
                "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(text.bodies == ["/1"])
            #expect(server.server.counters.requests == 1)
        }
    }

    @Test func `requests that came before the client's end are all answered, in their turn`() async throws {
        let answers = Locked<[@Sendable () -> Void]>([])
        let arrived = Signal()
        try await TestServer.run(onRequest: { head, bytes, connection in
            let path = bytes.string(in: head.path)
            connection.exchange = WatchingExchange()
            nonisolated(unsafe) let connection = connection
            answers.withLock { $0.append { answer(connection, path) } }
            arrived.send()
        }) { server in
            let paths = ["/a", "/bb", "/ccc"]
            let client = try await server.connect()
            client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
            client.endSending()
            for count in 1...paths.count {
                await arrived.wait(for: count)
                // Within one turn of the loop: the end of input is read while the next request waits for its turn.
                answers.withLock { $0.removeFirst() }()
            }
            #expect(await client.receiveAll().bodies == paths)
        }
    }

    @Test func `HEAD gets the length of a body and not the body`() async throws {
        try await TestServer.run { server in
            let text = try await server.exchange("HEAD /abc HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(text.contains("Content-Length: 4\r\n"))
            #expect(text.hasSuffix("\r\n\r\n"))
        }
    }

    @Test(arguments: [1, 5, 1000], [false, true]) func `a chunked body arrives whole, and the next request after it`(
        step: Int, pausing: Bool
    ) async throws {
        try await TestServer.run(onRequest: { _, _, connection in
            connection.exchange = EchoExchange(connection, pausing: pausing)
        }) { server in
            let client = try await server.connect()
            let request =
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
            await client.send(request + request, step: step)
            #expect(await client.receive { $0.bodies.count == 2 }.bodies == ["hello world", "hello world"])
        }
    }

    @Test func `a body that is paused at its last byte still ends`() async throws {
        try await TestServer.run(onRequest: { _, _, connection in
            connection.exchange = EchoExchange(connection, pausing: true)
        }) { server in
            let client = try await server.connect()
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            #expect(await client.receive { $0.hasSuffix("abc") }.bodies == ["abc"])
        }
    }

    @Test func `a client that waits for it is told to go on`() async throws {
        try await TestServer.run(onRequest: { _, _, connection in
            connection.exchange = EchoExchange(connection)
        }) { server in
            let client = try await server.connect()
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            #expect(await client.receive { $0.hasSuffix("\r\n\r\n") } == "HTTP/1.1 100 Continue\r\n\r\n")
            client.send("abc")
            #expect(await client.receive { $0.hasSuffix("abc") }.status == 100)
        }
    }

    private static let damaged: [(request: String, status: Int)] = [
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("\u{1}\u{2}\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "A: b\r\n", count: 200))\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: \(String(repeating: "a", count: 41_000))\r\n\r\n", 431),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ]

    @Test(arguments: damaged, [false, true]) func `what breaks the protocol is refused, also after a good request`(
        row: (request: String, status: Int), isSecond: Bool
    ) async throws {
        try await TestServer.run { server in
            let first = isSecond ? "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n" : ""
            let client = try await server.connect()
            client.send(first + row.request)
            let text = await client.receiveAll()
            let last = isSecond ? String(text[text.utf8.range(after: "/ok")]) : text
            #expect(last.status == row.status)
            #expect(client.ending == .closed)
            #expect(server.server.counters.refusedRequests == 1)
        }
    }

    @Test func `who has asked and ends its side gets every answer`() async throws {
        try await TestServer.run(onRequest: { _, _, connection in
            connection.exchange = EchoExchange(connection)
        }) { server in
            let client = try await server.connect()
            let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            client.send(request + request)
            client.endSending()
            #expect(await client.receiveAll().bodies == ["abc", "abc"])
        }
    }

    @Test func `who ends its side before the answer has gone, where half closure is not allowed`() async throws {
        let aborted = Signal()
        var settings = HTTPServerSettings()
        settings.allowsHalfClosure = false
        try await TestServer.run(
            settings, onRequest: { _, _, connection in connection.exchange = WatchingExchange(onAbort: aborted.send) }
        ) { server in
            let client = try await server.connect()
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            client.endSending()
            #expect(await aborted.wait())
            #expect(await client.receiveAll().isEmpty)
        }
    }

    @Test func `who ends its side while a large answer is on its way gets all of it`() async throws {
        try await TestServer.run(onRequest: { _, _, connection in
            answer(connection, String(repeating: "x", count: 8 << 20))
        }) { server in
            let client = try await server.connect(isReading: false)
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            client.endSending()
            client.startReading()
            #expect(await client.receiveAll().utf8.count > 8 << 20)
            #expect(client.ending == .closed)
        }
    }

    @Test func `an error in a body that was answered already closes in peace`() async throws {
        try await TestServer.run { server in
            let text = try await server.exchange(
                "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            #expect(text.bodies == ["/x"])
        }
    }
}

extension String.UTF8View {
    /// What follows the first place where `text` stands.
    fileprivate func range(after text: String) -> Range<Index> {
        let found = String(self)[...].range(of: text)
        return (found?.upperBound ?? startIndex)..<endIndex
    }
}
