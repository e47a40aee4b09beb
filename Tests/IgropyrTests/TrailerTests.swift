import HTTPTypes
import Igropyr
import TestSupport
import Testing

private let sum = HTTPField.Name("X-Sum")!

@Suite(.timeLimit(.minutes(5))) struct TrailerTests {
    private static func routes(_ app: App) {
        app.compression = Compression()
        app.post("/sum") { request async in
            Response { writer in
                var count = 0
                for try await piece in request.body {
                    count += piece.count
                    try await writer.write(piece)
                }
                writer.trailers[sum] = "\(count) \(request.trailers[sum] ?? "none")"
            }
            .with(.trailer, "X-Sum")
        }
    }

    @Test(arguments: ["--http1.1", "--http2-prior-knowledge"]) func `curl finds a response's trailers`(
        version: String
    ) async throws {
        try await withApp(Self.routes) { caller in
            let url = "http://\(caller.server.address)/sum"
            let options = [
                "-sS", "--max-time", "60", version, "--compressed", "-D", "-", "-o", "/dev/null", "-d", "hello",
            ]
            let outcome = try await run(["curl"] + options + [url])
            #expect(outcome.status == 0, "\(outcome)")
            let lines = outcome.output.lowercased().split(whereSeparator: \.isNewline)
            #expect(lines.contains("trailer: x-sum") && lines.contains("x-sum: 5 none"), "\(outcome.output)")
        }
    }

    @Test func `nghttp's trailers reach the handler, whose own come back`() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("body", String(repeating: "x", count: 100_000))
        try await withApp(Self.routes) { caller in
            let url = "http://\(caller.server.address)/sum"
            let outcome = try await run(["nghttp", "-nv", "-d", file, "--trailer", "x-sum: 12", url])
            #expect(outcome.output.contains("x-sum: 100000 12"), "\(outcome.output)")
        }
    }

    @Test func `chunked trailers reach the handler, after its body`() async throws {
        try await withApp(Self.routes) { caller in
            let raw = try await caller.connect()
            raw.send("POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            raw.send("3\r\nabc\r\n0\r\nX-Sum: y\r\n\r\n")
            let answer = await raw.receive { $0.hasSuffix("\r\n\r\n") && $0.contains("0\r\nX-Sum") }
            #expect(answer.hasSuffix("\r\n3\r\nabc\r\n0\r\nX-Sum: 3 y\r\n\r\n"), "\(answer)")
            raw.close()
        }
    }
}
