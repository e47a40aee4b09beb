import HTTPTypes
import Igropyr
import IgropyrUV
import TestSupport
import Testing

/// Requests whose body is sent as it comes.
@Suite(.timeLimit(.minutes(5))) struct OutgoingBodyTests {
    private struct Broken: Error {}

    private static func routes(_ app: App) {
        for method in [HTTPRequest.Method.post, .put] {
            app.on(method, "/count", bodyLimit: 1 << 30) { request async throws in
                var (count, sum) = (0, 0)
                for try await piece in request.body {
                    count += piece.count
                    for byte in piece { sum += Int(byte) }
                }
                let framing = request.header("Content-Length") ?? request.header("Transfer-Encoding") ?? ""
                return "\(count) \(sum) \(framing)"
            }
        }
        app.post("/small", bodyLimit: 10) { request async throws in "\(try await request.body(upTo: 10).count)" }
        app.post("/to/:status") { request async throws in
            for try await _ in request.body {}
            return Response(HTTPResponse.Status(code: try request.parameters.require("status")))
                .with(.location, "/got")
        }
        app.get("/got") { request in "got it by \(request.method)" }
    }

    private func withServer(_ body: @escaping @Sendable (_ url: String) async throws -> Void) async throws {
        try await withApp(Self.routes) { caller in try await body("http://\(caller.server.address)") }
    }

    private static func pieces(_ count: Int, of bytes: Int) -> AsyncStream<[UInt8]> {
        let made = Locked(0)
        return AsyncStream {
            let number = made.withLock { made in
                made += 1
                return made
            }
            return number > count ? nil : [UInt8](repeating: 1, count: bytes)
        }
    }

    @Test(arguments: [nil, 100 * 50_000]) func `a body goes piece by piece, with its length or in chunks`(
        length: Int?
    ) async throws {
        try await withServer { url in
            let client = HTTPClient()
            let body = Self.pieces(100, of: 50_000)
            let answer = try await client.send(.put, "\(url)/count", body: body, length: length)
            #expect(answer.text == "5000000 5000000 \(length == nil ? "chunked" : "5000000")")
            let none = Self.pieces(0, of: 1)
            let empty = try await client.send(.post, "\(url)/count", body: none, length: length.map { _ in 0 })
            #expect(empty.text == "0 0 \(length == nil ? "chunked" : "0")")
        }
    }

    @Test func `what a handler is sent it may send on, and who reads slowly makes the first sender wait`() async throws
    {
        try await withServer { url in
            let client = HTTPClient()
            try await withApp { app in
                app.post("/", bodyLimit: 1 << 30) { request async throws in
                    try await client.send(.put, "\(url)/count", body: request.body).text
                }
            } _: { caller in
                let answer = try await client.send(
                    .post, "http://\(caller.server.address)/", body: Self.pieces(200, of: 40_000), length: 8_000_000)
                #expect(answer.text == "8000000 8000000 chunked")
            }
        }
    }

    @Test func `no more is asked of the sequence than the server takes`() async throws {
        let (pieces, bytes) = (1000, 100_000)
        let made = Locked(0)
        let hasBegun = Signal()
        try await withApp { app in
            app.post("/", bodyLimit: 1 << 30) { request async throws in
                await hasBegun.wait()
                var (received, mostAhead) = (0, 0)
                for try await piece in request.body {
                    received += piece.count
                    mostAhead = max(mostAhead, made.withLock { $0 } * bytes - received)
                }
                return "\(mostAhead / 1_000_000)"
            }
        } _: { caller in
            let body = AsyncStream<[UInt8]> {
                let number = made.withLock { made in
                    made += 1
                    return made
                }
                if number == 10 { hasBegun.send() }
                return number > pieces ? nil : [UInt8](repeating: 1, count: bytes)
            }
            let text = try await HTTPClient.shared.send(.post, "http://\(caller.server.address)/", body: body).text
            let megabytes = try #require(Int(text))
            #expect(megabytes < 30, "of 100; the kernel holds some")
        }
    }

    @Test func `an answer that comes before the end is the answer`() async throws {
        try await withServer { url in
            let answer = try await HTTPClient.shared.send(.post, "\(url)/small", body: Self.pieces(1_000_000, of: 1000))
            #expect(answer.status == .contentTooLarge)
        }
    }

    @Test func `a sequence that fails, or does not give its length, ends the request`() async throws {
        try await withServer { url in
            let client = HTTPClient()
            let broken = AsyncThrowingStream<[UInt8], any Error> { throw Broken() }
            await #expect(throws: Broken.self) { try await client.send(.post, "\(url)/count", body: broken) }
            for length in [1999, 2001, -1] {
                let failure = await #expect(throws: HTTPRequestFailure.self) {
                    try await client.send(.post, "\(url)/count", body: Self.pieces(2, of: 1000), length: length)
                }
                #expect("\(String(describing: failure))".contains("\(length)"))
            }
            let nobody = "http://\(freshAddress(port: 9))/"
            let failure = await #expect(throws: HTTPRequestFailure.self) {
                try await client.send(.post, nobody, body: Self.pieces(1_000_000, of: 1000))
            }
            #expect(failure?.mayHaveBeenReceived == false)
            let next = try await client.send(.post, "\(url)/count", body: [1, 2])
            #expect(next.text == "2 3 2", "others do not notice")
        }
    }

    @Test(arguments: [(303, "got it by GET"), (302, "got it by GET"), (307, ""), (308, "")])
    func `a redirection is followed if it does not ask for the body again`(status: Int, text: String) async throws {
        try await withServer { url in
            let answer = try await HTTPClient.shared.send(.post, "\(url)/to/\(status)", body: Self.pieces(3, of: 10))
            #expect(answer.text == text && answer.status.code == (text.isEmpty ? status : 200))
        }
    }

    @Test func `a task that is cancelled sends no further`() async throws {
        try await withServer { url in
            let (body, pieces) = AsyncStream<[UInt8]>.makeStream()
            let sending = Task { try await HTTPClient.shared.send(.post, "\(url)/count", body: body) }
            pieces.yield([1])
            sending.cancel()
            await #expect(throws: CancellationError.self) { try await sending.value }
        }
    }
}
