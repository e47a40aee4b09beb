import Igropyr
import IgropyrUV
import TestSupport
import Testing

/// Independent clients of HTTP/2: curl, nghttp and h2load, which do not know that this is a test.
@Suite(.timeLimit(.minutes(5))) struct HTTP2ClientTests {
    private static let big = String(repeating: "x", count: 3 << 20)

    private static func routes(_ app: App) {
        app.bodyLimit = 4 << 20
        app.get("/hello") { _ in "Hello" }
        app.get("/async/:name") { request async in "Hello \(request.parameters["name"] ?? "")" }
        app.get("/big") { _ in Self.big }
        app.get("/cookies") { request in request.header("Cookie") ?? "" }
        app.post("/count") { request async throws in "\(try await request.body(upTo: 4 << 20).count)" }
        app.post("/echo") { request async in
            Response { writer in
                for try await piece in request.body { try await writer.write(piece) }
            }
        }
    }

    private static func curl(_ caller: Caller, _ path: String, _ options: String...) async throws -> String {
        let outcome = try await run(
            ["curl", "-sS", "--max-time", "60", "--http2-prior-knowledge"] + options
                + ["http://\(caller.server.address)\(path)"])
        #expect(outcome.status == 0, "\(outcome)")
        return outcome.output
    }

    @Test func `curl is answered by handlers of all kinds`() async throws {
        try await withApp(Self.routes) { caller in
            let written = ["-w", " %{http_version} %{http_code}"]
            #expect(try await Self.curl(caller, "/hello", written[0], written[1]) == "Hello 2 200")
            #expect(try await Self.curl(caller, "/async/you", written[0], written[1]) == "Hello you 2 200")
            #expect(try await Self.curl(caller, "/nowhere", "-o", "/dev/null", written[0], written[1]) == " 2 404")
            #expect(try await Self.curl(caller, "/big").utf8.count == 3 << 20)
            #expect(try await Self.curl(caller, "/cookies", "-H", "Cookie: a=1; b=2") == "a=1; b=2")
            let head = try await Self.curl(caller, "/hello", "-I")
            #expect(head.hasPrefix("HTTP/2 200") && head.contains("content-length: 5\r\n"), "\(head)")
        }
    }

    @Test(arguments: ["/count", "/echo"]) func `curl's upload arrives whole`(path: String) async throws {
        let folder = try TemporaryFolder()
        let text = (0..<200_000).map { "\($0)" }.joined(separator: " ")
        let file = try folder.write("body", text)
        try await withApp(Self.routes) { caller in
            let output = try await Self.curl(caller, path, "--data-binary", "@\(file)")
            #expect(output == (path == "/count" ? "\(text.utf8.count)" : text))
        }
    }

    @Test func `curl hears that its upload is too large before it has sent it`() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("body", String(repeating: "x", count: 5 << 20))
        try await withApp(Self.routes) { caller in
            let status = try await Self.curl(
                caller, "/count", "--data-binary", "@\(file)", "-o", "/dev/null", "-w", "%{http_code}")
            #expect(status == "413")
        }
    }

    @Test func `nghttp, which talks of priorities, is answered`() async throws {
        try await withApp(Self.routes) { caller in
            let url = "http://\(caller.server.address)"
            let outcome = try await run(["nghttp", "-nv", "\(url)/hello", "\(url)/big", "\(url)/async/a"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.ranges(of: ":status: 200").count == 3, "\(outcome.output)")
        }
    }

    @Test(arguments: ["/hello", "/async/you", "/big"]) func `h2load sees no failure`(path: String) async throws {
        try await withApp(Self.routes) { caller in
            let count = path == "/big" ? "60" : "4000"
            let outcome = try await run(
                ["h2load", "-n", count, "-c", "4", "-m", "100", "http://\(caller.server.address)\(path)"])
            #expect(outcome.output.contains("\(count) succeeded, 0 failed, 0 errored"), "\(outcome)")
        }
    }
}
