import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import Testing

/// Answers with the request's trailers, one a line, and with trailers of its own.
private final class TrailerExchange: HTTPServerExchange {
    private let connection: any HTTPServerStream
    private let framing: MessageHead.Framing
    private var lines = "none"

    init(_ connection: any HTTPServerStream, _ framing: MessageHead.Framing = .chunked) {
        self.connection = connection
        self.framing = framing
    }

    func requestBodyDidArrive(_ bytes: RawSpan) {
        guard bytes.byteCount == 5 else { return }  // A client that is made to wait with what follows its body.
        connection.pauseBody()
        connection.loop.submitLocally { [connection] in connection.resumeBody() }
    }

    func requestTrailersDidArrive(_ lines: RawSpan) { self.lines = lines.string(in: 0..<lines.byteCount) }

    func requestDidEnd() {
        begin(connection, framing)
        connection.sendBody(Array(lines.utf8).span.bytes)
        var trailers = TrailerFields()
        do {
            try trailers.append("X-Sum", "7")
            try trailers.append("Content-Length", "3")
            try trailers.append("Set-Cookie", "a=b")
            try trailers.append("X-Other", "8")
        } catch { Issue.record(error) }
        connection.endResponse(trailers: trailers)
    }

    func responseDidDrain() {}
    func clientDidAbort() {}
}

@Sendable private func answer(_ head: MessageHead, _ bytes: RawSpan, _ stream: any HTTPServerStream) {
    stream.exchange = TrailerExchange(stream)
}

@Sendable private func answerFour(_ head: MessageHead, _ bytes: RawSpan, _ stream: any HTTPServerStream) {
    stream.exchange = TrailerExchange(stream, .length(4))
}

/// Sends hints before the answer.
@Sendable private func hint(_ head: MessageHead, _ bytes: RawSpan, _ stream: any HTTPServerStream) {
    do {
        for status in [102, 103] where try stream.beginInterimResponse(status: status) {
            try stream.appendField("Link", "</a>")
            stream.endHead()
        }
        #expect(throws: HTTPSerializer.Failure.invalidStatus) { try stream.beginInterimResponse(status: 101) }
        if try stream.beginInterimResponse(status: 103) { stream.withdrawHead() }
    } catch { Issue.record(error) }
    answer(stream, "done")
    #expect((try? stream.beginInterimResponse(status: 103)) == false)
}

@Suite(.timeLimit(.minutes(5))) struct TrailerTests {
    private static let chunked = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test(arguments: [1, 7, 1000]) func `trailers go both ways, but for those that would change the message`(
        step: Int
    ) async throws {
        try await TestServer.run(onRequest: answer) { server in
            let client = try await server.connect()
            await client.send(Self.chunked + "5\r\nhello\r\n0\r\nX-A: 1\r\nX-B:2\r\n\r\n", step: step)
            let answer = await client.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
            let end = "\r\n\r\nf\r\nX-A: 1\r\nX-B:2\r\n\r\n0\r\nX-Sum: 7\r\nX-Other: 8\r\n\r\n"
            #expect(answer.hasSuffix(end), "\(answer)")
        }
    }

    @Test func `there are no trailers where they have no place`() async throws {
        try await TestServer.run(onRequest: answer) { server in
            let old = try await server.exchange("GET / HTTP/1.0\r\n\r\n")
            #expect(old.hasSuffix("\r\n\r\nnone"), "\(old)")
            let head = try await server.exchange("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(head.hasSuffix("chunked\r\n\r\n"), "\(head)")
        }
        try await TestServer.run(onRequest: answerFour) { server in
            let known = try await server.exchange(Self.chunked + "0\r\n\r\n")
            #expect(known.hasSuffix("Content-Length: 4\r\n\r\nnone"), "\(known)")
        }
    }

    @Test func `trailers go both ways in HTTP 2, too, paused bodies or not`() async throws {
        try await TestServer.run(onRequest: answer) { server in
            let client = try await server.connectFrames()
            let trailers = Frame(
                .headers, flags: Frame.endHeaders | Frame.endStream, stream: 1,
                Frame.block([("x-a", "1"), ("authorization", "b"), ("x-b", "2")]))
            client.begin(
                .settings(), [.request(1, method: "POST", ends: false), .data(1, "hello", ends: false), trailers])
            #expect(await client.response(1).body == "x-a: 1\r\nx-b: 2\r\n")
            let last = try #require(client.frames(.headers, 1).last)
            #expect(last.fields == ["x-sum: 7", "x-other: 8"] && last.endsStream)
            #expect(client.frames(.data, 1).allSatisfy { !$0.endsStream })

            client.send(.request(3))
            #expect(await client.response(3).body == "none")
            #expect(client.goAway == nil)
        }
    }

    @Test(arguments: [true, false]) func `a request with too many trailers in HTTP 2 is cut`(inBytes: Bool) async throws
    {
        var settings = HTTPServerSettings()
        if inBytes { settings.limits.trailerBytes = 100 } else { settings.limits.fields = 50 }
        try await TestServer.run(settings, onRequest: answer) { server in
            let client = try await server.connectFrames()
            let many = Frame(
                .headers, flags: Frame.endHeaders | Frame.endStream, stream: 1,
                Frame.block((0..<51).map { ("x-\($0)", "") }))
            client.begin(.settings(), [.request(1, method: "POST", ends: false), many])
            await client.wait { $0.isOver(1) }
            #expect(client.frames(.reset, 1).count == 1)
            client.send(.request(3))
            #expect(await client.response(3).status == "200")
        }
    }

    @Test func `interim responses come before the response, but not to HTTP 1_0`() async throws {
        try await TestServer.run(onRequest: hint) { server in
            let answer = try await server.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let hints = ["102 Processing", "103 Early Hints"].map { "HTTP/1.1 \($0)\r\nLink: </a>\r\n\r\n" }
            #expect(answer.hasPrefix(hints.joined() + "HTTP/1.1 200 "), "\(answer)")
            #expect(answer.hasSuffix("\r\n\r\ndone"))
            #expect(try await server.exchange("GET / HTTP/1.0\r\n\r\n").hasPrefix("HTTP/1.1 200 "))

            let client = try await server.connectFrames()
            client.begin(.settings(), [.request(1)])
            #expect(await client.response(1).body == "done")
            let heads = client.frames(.headers, 1)
            #expect(heads.map(\.status) == ["102", "103", "200"])
            #expect(heads[1].fields == [":status: 103", "link: </a>"] && !heads[1].endsStream)
        }
    }

    @Test(arguments: [HTTPConnectionKind.plain, HTTPConnectionKind(http2: HTTP2Settings())])
    func `a client sends trailers and hears those of the response`(kind: HTTPConnectionKind) async throws {
        final class Call: HTTPClientExchange {
            var interim: [Int] = []
            var body = ""
            var trailers = ""
            var continuation: CheckedContinuation<Void, Never>?

            func responseDidBegin(_ head: MessageHead, _ bytes: RawSpan) {
                if head.isInterim { interim.append(head.status) }
            }
            func responseBodyDidArrive(_ bytes: RawSpan) { body += bytes.string(in: 0..<bytes.byteCount) }
            func responseTrailersDidArrive(_ lines: RawSpan) { trailers += lines.string(in: 0..<lines.byteCount) }
            func responseDidEnd() { continuation?.resume() }
            func requestDidDrain() {}
            func exchangeDidFail(_ failure: HTTPClientFailure) {
                Issue.record(failure)
                continuation?.resume()
            }
        }
        try await TestServer.run(onRequest: answer) { server in
            let pool = try HTTPConnectionPool(on: server.loop, kind: kind)
            defer { pool.close() }
            let call = Call()
            await withCheckedContinuation { continuation in
                call.continuation = continuation
                pool.stream(to: server.server.localAddress) { outcome in
                    guard case .success(let connection) = outcome else { return continuation.resume() }
                    connection.begin(call)
                    let head = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
                    connection.sendHead(head.span.bytes, method: .post, framing: .chunked)
                    connection.sendBody(Array("abc".utf8).span.bytes)
                    var trailers = TrailerFields()
                    try? trailers.append("X-A", "1")
                    connection.endRequest(trailers: trailers)
                }
            }
            #expect(call.body.lowercased() == "x-a: 1\r\n")
            #expect(call.trailers.lowercased() == "x-sum: 7\r\nx-other: 8\r\n")
        }
    }
}
