import HTTPTypes
import Igropyr
import IgropyrUV
import TestSupport
import Testing

private struct Secret: Error {}

@Suite(.timeLimit(.minutes(5))) struct HandlerTests {
    private static func addResults(_ app: App) {
        app.get("/text") { _ in "Hello" }
        app.get("/html") { _ in HTML("<p>") }
        app.get("/json") { _ in JSON(["x": 1]) }
        app.get("/status") { _ in HTTPResponse.Status.noContent }
        app.get("/redirect") { _ in Redirect(to: "/text") }
        app.get("/page") { _ in HTML("<h1>", status: .created) }
        app.get("/nothing") { _ in String?.none }
        app.get("/late") { _ async throws in
            await Task.yield()
            return "late"
        }
        app.get("/failure") { _ -> String in throw HTTPFailure(.conflict, "taken") }
        app.get("/no-failure") { _ -> String in throw HTTPFailure(.ok, "fine") }
        app.get("/secret") { _ -> String in throw Secret() }
        app.get("/late-secret") { _ async throws -> String in
            await Task.yield()
            throw Secret()
        }
        app.get("/stream") { _ in
            Response(contentType: "text/plain") { writer in
                for piece in ["a", "b", "c"] { try await writer.write(piece) }
            }
        }
        app.get("/reset") { _ in Response(.resetContent, text: "a body") }
        app.get("/late-reset") { _ async in Response(.resetContent) { writer in try await writer.write("a body") } }
        app.get("/invalid") { _ in Response(HTTPResponse.Status(code: 100)) }
    }

    private static let results: [(target: String, status: Int, type: String?, body: String)] = [
        ("/text", 200, "text/plain; charset=utf-8", "Hello"),
        ("/html", 200, "text/html; charset=utf-8", "<p>"),
        ("/page", 201, "text/html; charset=utf-8", "<h1>"),
        ("/json", 200, "application/json", #"{"x":1}"#),
        ("/status", 204, nil, ""),
        ("/redirect", 303, nil, ""),
        ("/nothing", 404, "text/plain; charset=utf-8", "Not Found\n"),
        ("/late", 200, "text/plain; charset=utf-8", "late"),
        ("/failure", 409, "text/plain; charset=utf-8", "taken\n"),
        ("/secret", 500, "text/plain; charset=utf-8", "Internal Server Error\n"),
        ("/no-failure", 500, "text/plain; charset=utf-8", "Internal Server Error\n"),
        ("/late-secret", 500, "text/plain; charset=utf-8", "Internal Server Error\n"),
        ("/stream", 200, "text/plain", "abc"),
        ("/reset", 205, "text/plain; charset=utf-8", ""),
        ("/late-reset", 205, nil, ""),
        ("/invalid", 500, "text/plain; charset=utf-8", "Internal Server Error\n"),
        ("/none", 404, "text/plain; charset=utf-8", "Not Found\n"),
    ]

    @Test func `what a handler returns or throws becomes a response`() async throws {
        try await withApp(Self.addResults) { caller in
            for row in Self.results {
                let response = try await caller.send(row.target)
                #expect(response.status == row.status, "\(row.target)")
                #expect(response.field("Content-Type") == row.type, "\(row.target)")
                #expect(response.text == row.body, "\(row.target)")
            }
        }
    }

    private static let methods: [(method: String, target: String, status: Int, allow: String?)] = [
        ("HEAD", "/text", 200, nil),
        ("HEAD", "/stream", 200, nil),
        ("HEAD", "/post", 405, "POST, OPTIONS"),
        ("OPTIONS", "/text", 204, "GET, HEAD, OPTIONS"),
        ("DELETE", "/text", 405, "GET, HEAD, OPTIONS"),
        ("GET", "/post", 405, "POST, OPTIONS"),
        ("TRACE", "/post", 405, "POST, OPTIONS"),
        ("HEAD", "/none", 404, nil),
    ]

    @Test(arguments: methods) func `methods without a route are answered from those that have one`(
        method: String, target: String, status: Int, allow: String?
    ) async throws {
        try await withApp { app in
            Self.addResults(app)
            app.post("/post") { _ in "posted" }
        } _: { caller in
            let response = try await caller.send(target, method: method)
            #expect(response.status == status)
            #expect(response.field("Allow") == allow)
            if method == "HEAD" { #expect(response.body.isEmpty) }
        }
    }

    @Test func `a handler sees the parts of its request`() async throws {
        try await withApp { app in
            app.group("/users").get("/:id/**") { request in
                let query = try request.query
                return [
                    request.parameters["id"] ?? "-", request.parameters["**"] ?? "-", query["q"] ?? "-",
                    query.all("a").joined(separator: "+"), request.header("x-test") ?? "-", request.path,
                    request.fields[.userAgent] ?? "-", request.method.rawValue, request.authority ?? "-",
                    "\(request.remoteAddress?.isLoopback ?? false)",
                ].joined(separator: "|")
            }
        } _: { caller in
            let response = try await caller.send(
                "/users/J%20D/x/y?q=1%2B1&a=b&a=c", [("X-Test", "yes"), ("User-Agent", "me")])
            let expected = "J D|x/y|1+1|b+c|yes|/users/J%20D/x/y|me|GET|\(caller.server.address)|true"
            #expect(response.text == expected)
            #expect(try await caller.send("/users/1/?q=%zz").status == 400)
        }
    }

    private static let joined: [(prefix: String, pattern: String, path: String)] = [
        ("/a", "/x", "/a/x"), ("/a/", "/x", "/a/x"), ("/", "/x", "/x"), ("", "/x", "/x"), ("/a", "", "/a"),
        ("/a", "/", "/a"), ("/a/", "/", "/a/"), ("/", "/", "/"), ("", "", "/"), ("/a", "/x/", "/a/x/"),
    ]

    @Test(arguments: joined) func `a group's prefix and a pattern are parted by one slash`(
        prefix: String, pattern: String, path: String
    ) async throws {
        try await withApp { app in
            app.group(prefix).get(pattern) { _ in "found" }
            app.group("/outer/").group(prefix).get(pattern) { _ in "found within" }
        } _: { caller in
            let (alone, within) = (try await caller.send(path), try await caller.send("/outer" + path))
            #expect(alone.text == "found" && within.text == "found within")
        }
    }

    @Test(arguments: ["users", "*", ":id"]) func `a pattern without a slash fails the start, in a group, too`(
        pattern: String
    ) async {
        for prefix in ["", "/api", "/api/"] {
            let app = App()
            app.group(prefix).get(pattern) { _ in "" }
            await #expect(throws: PathPattern.Failure.self) { _ = try await app.start() }
        }
    }

    @Test func `a request that a handler kept is not made into another`() async throws {
        let paths = Locked<[String]>([])
        try await withApp { app in
            app.loops = 1
            let kept = Kept()
            app.get("/**") { request in
                let path = kept.keep(request)
                paths.withLock { $0.append(path ?? "-") }
                return "ok"
            }
        } _: { caller in
            for path in ["/first", "/second", "/third"] { _ = try await caller.send(path) }
        }
        #expect(paths.withLock { $0 } == ["-", "/first", "/second"])
    }

    @Test func `handlers that wait run side by side`() async throws {
        let arrived = Signal()
        try await withApp { app in
            app.get("/") { _ async in
                arrived.send()
                await arrived.wait(for: 40)
                return "all are here"
            }
        } _: { caller in
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<40 {
                    nonisolated(unsafe) let caller = caller  // On its loop.
                    group.addTask { try await caller.send("/").text }
                }
                for try await text in group { #expect(text == "all are here") }
            }
        }
    }

    @Test func `a handler is cancelled when the connection breaks`() async throws {
        let (began, cancelled) = (Signal(), Signal())
        try await withApp { app in
            app.get("/") { _ async throws in
                began.send()
                do { try await Task.sleep(for: .seconds(600)) } catch { cancelled.send() }
                return ""
            }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await began.wait()
            raw.reset()
            await cancelled.wait()
        }
    }

    @Test func `a stream that fails cuts the connection`() async throws {
        try await withApp { app in
            app.get("/") { _ in
                Response { writer in
                    try await writer.write("half")
                    throw Secret()
                }
            }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let text = await raw.receive { $0.hasSuffix("0\r\n\r\n") }
            #expect(text.hasSuffix("4\r\nhalf\r\n"))
        }
    }
}

/// Keeps the last request, as a careless handler might; used on one loop.
private final class Kept: @unchecked Sendable {
    private var last: Request?

    /// The path of the one before.
    func keep(_ request: Request) -> String? {
        defer { last = request }
        return last?.path
    }
}
