import Igropyr
import IgropyrTransport
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct CompressionTests {
    private static func addRoutes(_ app: App) {
        app.compression = Compression()
        app.get("/text") { _ in Site.text }
        app.get("/late") { _ async throws in
            await Task.yield()
            return Site.text
        }
        app.get("/big") { _ in Site.big }
        app.get("/small") { _ in "small" }
        app.get("/image") { _ in Response(bytes: Array(Site.text.utf8), contentType: "image/png") }
        app.get("/json") { _ in Response(bytes: Array(Site.text.utf8), contentType: "application/problem+json") }
        app.get("/tagged") { request in
            let validators = Validators(entityTag: EntityTag("v"))
            if let answer = request.conditionalAnswer(for: validators) { return answer }
            return Response(text: Site.text).with(validators).with(.vary, "Cookie")
        }
        app.get("/coded") { _ in Response(text: Site.text).with(.contentEncoding, "x-own") }
        app.get("/fixed") { _ in Response(text: Site.text).with(.cacheControl, "public, no-transform") }
        app.get("/digested") { _ in Response(text: Site.text).with(.init("Content-Digest")!, "sha-256=:AA==:") }
        app.get("/events") { _ in
            Response(contentType: "text/event-stream") { writer in try await writer.write("data: a\n\n") }
        }
        app.get("/short") { _ in
            var response = Response(contentType: "text/plain") { writer in try await writer.write("short") }
            response.streamLength = 5
            return response
        }
        app.get("/failure") { _ in Response(.badRequest, text: Site.text) }
        app.get("/stream") { _ in
            Response(contentType: "text/plain") { writer in
                for piece in ["a", "b", Site.big] { try await writer.write(piece) }
            }
        }
        var gentle = Compression()
        gentle.codings = [.gzip]
        gentle.minimumBytes = 1
        gentle.types.append("text/event-stream")
        let group = app.group("/gentle", compression: gentle)
        group.get("/small") { _ in "small" }
        group.get("/events") { _ in
            Response(contentType: "text/event-stream") { writer in try await writer.write("data: a\n\n") }
        }
    }

    private static let rows: [(target: String, accept: String?, status: Int, coding: String?, vary: String?)] = [
        ("/text", "gzip, br, zstd", 200, "zstd", "Accept-Encoding"),
        ("/text", "br", 200, "br", "Accept-Encoding"),
        ("/text", nil, 200, nil, "Accept-Encoding"),
        ("/text", "identity", 200, nil, "Accept-Encoding"),
        ("/text", "deflate, identity;q=0", 406, nil, "Accept-Encoding"),
        ("/late", "gzip", 200, "gzip", "Accept-Encoding"),
        ("/big", "gzip", 200, "gzip", "Accept-Encoding"),
        ("/small", "gzip", 200, nil, nil),
        ("/small", "gzip, identity;q=0", 200, "gzip", "Accept-Encoding"),
        ("/image", "gzip", 200, nil, nil),
        ("/json", "gzip", 200, "gzip", "Accept-Encoding"),
        ("/tagged", "gzip", 200, "gzip", "Cookie, Accept-Encoding"),
        ("/coded", "gzip", 200, "x-own", nil),
        ("/fixed", "gzip", 200, nil, nil),
        ("/digested", "gzip", 200, nil, nil),
        ("/events", "gzip", 200, nil, nil),
        ("/gentle/events", "gzip", 200, "gzip", "Accept-Encoding"),
        ("/short", "gzip", 200, nil, nil),
        ("/failure", "gzip", 400, nil, nil),
        ("/stream", "gzip", 200, "gzip", "Accept-Encoding"),
        ("/gentle/small", "br, gzip", 200, "gzip", "Accept-Encoding"),
        ("/gentle/small", "br", 200, nil, "Accept-Encoding"),
    ]

    @Test func `a response is compressed where that is worth it and allowed`() async throws {
        try await withApp(Self.addRoutes) { caller in
            for row in Self.rows {
                let fields = row.accept.map { [("Accept-Encoding", $0)] } ?? []
                for method in ["GET", "HEAD"] {
                    let response = try await caller.send(row.target, fields, method: method)
                    let title: Testing.Comment = "\(method) \(row.target) \(row.accept ?? "-")"
                    #expect(response.status == row.status, title)
                    #expect(response.field("Content-Encoding") == row.coding, title)
                    #expect(response.field("Vary") == row.vary, title)
                    if method == "HEAD" { #expect(response.body.isEmpty, title) }
                }
            }
        }
    }

    @Test func `a refusal keeps what middleware adds, and tells nothing of the body`() async throws {
        try await withApp { app in
            app.use(SecurityHeaders())
            Self.addRoutes(app)
        } _: { caller in
            let response = try await caller.send("/tagged", [("Accept-Encoding", "deflate, identity;q=0")])
            #expect(response.status == 406 && response.field("ETag") == nil)
            #expect(response.field("Content-Security-Policy") != nil)
            #expect(response.field("Vary") == "Cookie, Accept-Encoding")
        }
    }

    @Test func `an application that asks for none compresses none`() async throws {
        try await withApp {
            $0.get("/") { _ in Site.text }
        } _: { caller in
            let response = try await caller.send("/", [("Accept-Encoding", "gzip")])
            #expect(response.text == Site.text && response.field("Vary") == nil)
        }
    }

    @Test func `the tag of a compressed response is weak, and still known again`() async throws {
        try await withApp(Self.addRoutes) { caller in
            let fields = [("Accept-Encoding", "gzip")]
            #expect(try await caller.send("/tagged", fields).field("ETag") == "W/\"v\"")
            #expect(try await caller.send("/tagged").field("ETag") == "\"v\"")
            let unchanged = try await caller.send("/tagged", fields + [("If-None-Match", "W/\"v\"")])
            #expect(unchanged.status == 304 && unchanged.field("ETag") == "\"v\"")
            #expect(unchanged.field("Vary") == "Accept-Encoding")
        }
    }

    @Test(arguments: ["gzip", "br", "zstd"]) func `curl reads what handlers make, in every coding`(
        coding: String
    ) async throws {
        try await withApp(Self.addRoutes) { caller in
            for (target, text) in [("/text", Site.text), ("/big", Site.big), ("/stream", "ab" + Site.big)] {
                let output = try await run([
                    "curl", "-sS", "--compressed", "-H", "Accept-Encoding: \(coding)", "-o", "-",
                    "-w", "\n%header{content-encoding}", "http://\(caller.server.address)\(target)",
                ]).output
                #expect(output == text + "\n" + coding, "\(target)")
            }
        }
    }

    @Test(arguments: ["gzip", "br", "zstd"]) func `what a stream writes can be read at once`(
        coding: String
    ) async throws {
        let seen = Signal()
        try await withApp { app in
            app.compression = Compression()
            app.get("/") { _ in
                Response(contentType: "text/plain") { writer in
                    try await writer.write("data: first\n\n")
                    await seen.wait()
                    try await writer.write("data: second\n\n")
                }
            }
        } _: { caller in
            let curl = try BackgroundCommand([
                "curl", "-sSN", "--compressed", "-H", "Accept-Encoding: \(coding)", "http://\(caller.server.address)/",
            ])
            try await eventually("the first can be read") { curl.output == "data: first\n\n" }
            seen.send()
            try await eventually("the second can be read") { curl.output == "data: first\n\ndata: second\n\n" }
        }
    }

    @Test func `beyond the bound on encoders a stream is sent as it is`() async throws {
        let (began, go) = (Signal(), Signal())
        try await withApp { app in
            app.loops = 1
            app.compression = Compression()
            app.compression?.streams = 1
            app.get("/") { _ in
                Response(contentType: "text/plain") { writer in
                    try await writer.write("a")
                    began.send()
                    await go.wait()
                }
            }
        } _: { caller in
            let first = try await caller.connect()
            let request = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"
            first.send(request)
            await began.wait()
            let second = try await caller.connect()
            second.send(request)
            await began.wait(for: 2)
            go.send()
            #expect(await first.receive { $0.hasSuffix("0\r\n\r\n") }.contains("Content-Encoding: gzip\r\n"))
            #expect(await second.receive { $0.hasSuffix("1\r\na\r\n0\r\n\r\n") }.contains("Vary: Accept-Encoding\r\n"))
            for raw in [first, second] { raw.close() }
        }
    }
}
