import Igropyr
import TestSupport
import Testing

/// Independent clients of HTTP/1.1: curl, wrk, h2load, and Python's h11, which holds every byte against the grammar.
@Suite(.timeLimit(.minutes(5))) struct HTTP1ClientTests {
    private static let big = String(repeating: "x", count: 3 << 20)

    private static func routes(_ app: App) {
        app.bodyLimit = 4 << 20
        app.get("/hello") { _ in "Hello" }
        app.get("/async/:name") { request async in "Hello \(request.parameters["name"] ?? "")" }
        app.get("/big") { _ in Self.big }
        app.get("/nothing") { _ in Response(.noContent) }
        app.get("/pieces") { _ async in
            Response { writer in
                for number in 0..<100 { try await writer.write("\(number) ") }
            }
        }
        app.post("/count") { request async throws in "\(try await request.body(upTo: 4 << 20).count)" }
        app.post("/echo") { request async in
            Response { writer in
                for try await piece in request.body { try await writer.write(piece) }
            }
        }
    }

    private static func curl(_ caller: Caller, _ path: String, _ options: String...) async throws -> String {
        let outcome = try await run(
            ["curl", "-sS", "--max-time", "60", "--http1.1"] + options + ["http://\(caller.server.address)\(path)"])
        #expect(outcome.status == 0, "\(outcome)")
        return outcome.output
    }

    @Test func `curl is answered by handlers of all kinds`() async throws {
        try await withApp(Self.routes) { caller in
            let written = ["-w", " %{http_version} %{http_code}"]
            #expect(try await Self.curl(caller, "/hello", written[0], written[1]) == "Hello 1.1 200")
            #expect(try await Self.curl(caller, "/async/you", written[0], written[1]) == "Hello you 1.1 200")
            #expect(try await Self.curl(caller, "/nowhere", "-o", "/dev/null", written[0], written[1]) == " 1.1 404")
            #expect(try await Self.curl(caller, "/nothing", written[0], written[1]) == " 1.1 204")
            #expect(try await Self.curl(caller, "/big").utf8.count == 3 << 20)
            #expect(try await Self.curl(caller, "/pieces").hasSuffix(" 98 99 "))
            let head = try await Self.curl(caller, "/hello", "-I")
            #expect(head.hasPrefix("HTTP/1.1 200") && head.contains("Content-Length: 5\r\n"), "\(head)")
            #expect(try await Self.curl(caller, "/async/[1-50]", "-w", "%{num_connects}").hasSuffix("Hello 500"))
        }
    }

    @Test func `curl by HTTP/1.0 reads to the end of the connection`() async throws {
        try await withApp(Self.routes) { caller in
            let output = try await Self.curl(caller, "/pieces", "--http1.0", "-i")
            #expect(output.hasSuffix(" 98 99 ") && !output.contains("ransfer-"), "\(output)")
        }
    }

    @Test(arguments: ["/count", "/echo"], ["Transfer-Encoding: chunked", "Expect: 100-continue", "Expect:"])
    func `curl's upload arrives whole`(path: String, field: String) async throws {
        let folder = try TemporaryFolder()
        let text = (0..<200_000).map { "\($0)" }.joined(separator: " ")
        let file = try folder.write("body", text)
        try await withApp(Self.routes) { caller in
            let output = try await Self.curl(caller, path, "-H", field, "--data-binary", "@\(file)")
            #expect(output == (path == "/count" ? "\(text.utf8.count)" : text))
        }
    }

    @Test func `curl hears that its upload is too large before it has sent it`() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("body", String(repeating: "x", count: 5 << 20))
        try await withApp(Self.routes) { caller in
            let output = try await Self.curl(
                caller, "/count", "-H", "Expect: 100-continue", "--expect100-timeout", "60", "--data-binary",
                "@\(file)",
                "-o", "/dev/null", "-w", "%{http_code} %{size_upload}")
            #expect(output == "413 0")
        }
    }

    @Test(arguments: ["/hello", "/async/you", "/pieces"]) func `wrk sees no failure`(path: String) async throws {
        try await withApp(Self.routes) { caller in
            let outcome = try await run(
                [
                    "wrk", "-t", "1", "-c", "16", "-d", "1s", "--timeout", "60s",
                    "http://\(caller.server.address)\(path)",
                ])
            #expect(outcome.status == 0 && outcome.output.contains(" requests in "), "\(outcome)")
            #expect(
                !outcome.output.contains(" 0 requests in ") && !outcome.output.contains("Socket errors"), "\(outcome)")
            #expect(!outcome.output.contains("Non-2xx"), "\(outcome)")
        }
    }

    @Test(arguments: ["/hello", "/async/you", "/big"]) func `h2load sees no failure`(path: String) async throws {
        try await withApp(Self.routes) { caller in
            let count = path == "/big" ? "60" : "4000"
            let outcome = try await run(
                ["h2load", "--h1", "-n", count, "-c", "4", "-m", "10", "http://\(caller.server.address)\(path)"])
            #expect(outcome.output.contains("\(count) succeeded, 0 failed, 0 errored"), "\(outcome)")
        }
    }

    @Test func `Python's h11 finds every message as the standard wants it`() async throws {
        let script = """
            import h11, socket, sys

            class Client:
                def __init__(self):
                    host, port = sys.argv[1].rsplit(":", 1)
                    self.socket = socket.create_connection((host, int(port)), timeout=60)
                    self.connection = h11.Connection(h11.CLIENT)

                def send(self, *events):
                    for event in events:
                        self.socket.sendall(self.connection.send(event))

                def next(self):
                    while (event := self.connection.next_event()) is h11.NEED_DATA:
                        self.connection.receive_data(self.socket.recv(1 << 16))
                    return event

                def response(self):
                    response, body = self.next(), b""
                    assert isinstance(response, h11.Response), response
                    while isinstance(event := self.next(), h11.Data):
                        body += event.data
                    assert isinstance(event, h11.EndOfMessage), event
                    return response.status_code, dict(response.headers), body

                def ask(self, method, target, pieces=(), fields=(), trailers=()):
                    fields = [("Host", "a")] + list(fields)
                    self.send(h11.Request(method=method, target=target, headers=fields))
                    if ("Expect", "100-continue") in fields:
                        assert self.next().status_code == 100
                    self.send(*(h11.Data(data=piece) for piece in pieces), h11.EndOfMessage(headers=list(trailers)))
                    return self.response()

                def again(self):
                    self.connection.start_next_cycle()

            client = Client()
            chunked = ("Transfer-Encoding", "chunked")
            for round in range(20):
                status, fields, body = client.ask("GET", "/hello")
                assert (status, body, fields[b"content-length"]) == (200, b"Hello", b"5")
                client.again()
                status, fields, body = client.ask("HEAD", "/hello")
                assert (status, body, fields[b"content-length"]) == (200, b"", b"5")
                client.again()
                assert client.ask("GET", "/nothing")[::2] == (204, b"")
                client.again()
                status, fields, body = client.ask("GET", "/pieces")
                assert status == 200 and body.endswith(b" 98 99 ") and fields[b"transfer-encoding"] == b"chunked"
                client.again()
                status, _, body = client.ask("POST", "/echo", [b"abc", b"d" * 70000], [chunked], [("X-Sum", "1")])
                assert (status, body) == (200, b"abc" + b"d" * 70000)
                client.again()
                length = ("Content-Length", "3")
                status, _, body = client.ask("POST", "/count", [b"abc"], [length, ("Expect", "100-continue")])
                assert (status, body) == (200, b"3")
                client.again()
                assert client.ask("GET", "/nowhere")[0] == 404
                client.again()
                status, fields, _ = client.ask("DELETE", "/hello")
                assert status == 405 and b"GET" in fields[b"allow"]
                client.again()
            status, fields, body = client.ask("GET", "/hello", fields=[("Connection", "close")])
            assert (status, body, fields[b"connection"]) == (200, b"Hello", b"close")
            assert isinstance(client.next(), h11.ConnectionClosed)
            print("done")
            """
        try await withApp(Self.routes) { caller in
            let outcome = try await run(["/usr/bin/python3", "-c", script, "\(caller.server.address)"])
            #expect(outcome.output == "done\n", "\(outcome.errors)")
        }
    }
}
