import HTTPTypes
import Igropyr
import IgropyrUV
import TestSupport
import Testing

/// Requests that a handler hands on to another server.
@Suite(.timeLimit(.minutes(5))) struct ForwardTests {
    private static let methods = [HTTPRequest.Method.get, .post, .put]

    /// The other server, and an application that hands on to it what is below `/old`.
    private func withServers(
        _ other: (App) throws -> Void, client: HTTPClient = HTTPClient(), below path: String = "/v1",
        trusting proxies: [IPNetwork] = [], _ body: @escaping @Sendable (Caller) async throws -> Void
    ) async throws {
        try await withApp(other) { server in
            let url = "http://\(server.server.address)\(path)"
            try await withApp { app in
                app.use(RequestIDs())
                for method in Self.methods {
                    app.on(method, "/old/**", bodyLimit: 10_000_000) { request async throws in
                        try await client.forward(request, to: url, trustedProxies: proxies)
                    }
                }
            } _: { caller async throws in
                try await body(caller)
            }
        }
    }

    /// Says what it is asked.
    private static func echo(_ app: App) {
        for method in methods {
            app.on(method, "/**") { request async throws in
                let names = [
                    "Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix",
                    "Forwarded", "Via", "Keep-Alive", "X-Hop", "X-Own", "X_Forwarded_For", "TE", "X-Real-IP",
                ]
                let fields = names.compactMap { name in request.header(name).map { "\(name): \($0)" } }
                let body = String(decoding: try await request.body(upTo: 1000), as: UTF8.self)
                let id = request.header("X-Request-ID") == nil ? "nameless" : "named"
                return Response(
                    .created, text: (["\(method) \(request.target) \(id)"] + fields + [body]).joined(separator: "\n"),
                    contentType: "text/x-echo"
                ).with(.init("X-Answer")!, "yes").with(.init("Keep-Alive")!, "timeout=7")
            }
        }
    }

    @Test func `the other server is told what was asked, and by whom`() async throws {
        try await withServers(Self.echo) { caller async throws in
            let answer = try await caller.send(
                "/old/b%20c/?page=2",
                [
                    ("X-Own", "1"), ("Connection", "x-hop"), ("X-Hop", "1"),
                    ("Keep-Alive", "1"), ("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Host", "evil.example"),
                    ("X-Forwarded-Prefix", "/evil"), ("X_Forwarded_For", "1.2.3.4"), ("Forwarded", "for=1.2.3.4"),
                    ("TE", "trailers"), ("X-Real-IP", "1.2.3.4"),
                ], method: "POST", body: "hello")
            let lines = answer.text.split(separator: "\n").map(String.init)
            #expect(answer.status == 201 && answer.field("X-Answer") == "yes" && answer.field("Keep-Alive") == nil)
            #expect(answer.field("Content-Type") == "text/x-echo" && answer.field("Content-Length") != nil)
            #expect(lines.first == "POST /v1/b%20c/?page=2 named" && lines.last == "hello")
            let own = try #require(lines.first { $0.hasPrefix("Host: ") })
            #expect(own.hasPrefix("Host: 127.") && lines.contains("X-Own: 1") && lines.contains("Via: 1.1 igropyr"))
            let told = lines.filter { $0.hasPrefix("X-Forwarded") }
            #expect(told.count == 3 && told[0].hasPrefix("X-Forwarded-For: 127."))
            #expect(told[1...] == ["X-Forwarded-Proto: http", "X-Forwarded-Host: \(caller.server.address)"])
            #expect(own != "Host: \(caller.server.address)")
            for name in ["Forwarded", "Keep-Alive", "X-Hop", "X_Forwarded_For", "TE", "X-Real-IP"] {
                #expect(!lines.contains { $0.hasPrefix("\(name): ") }, "\(name)")
            }
        }
    }

    @Test func `what a proxy that is trusted says goes along`() async throws {
        try await withServers(Self.echo, trusting: [IPNetwork("127.0.0.0/8")!]) { caller async throws in
            let fields = [
                ("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "a.example"),
                ("X-Forwarded-Prefix", "/shop"), ("Connection", "x-forwarded-for"),
            ]
            let text = try await caller.send("/old/x", fields).text
            #expect(text.contains("X-Forwarded-For: 1.2.3.4, 127."))
            #expect(text.contains("X-Forwarded-Proto: https") && text.contains("X-Forwarded-Host: a.example"))
            #expect(text.contains("X-Forwarded-Prefix: /shop"))
        }
    }

    private static let paths: [(asked: String, below: String, target: String)] = [
        ("/old", "", "/"), ("/old", "/v1", "/v1"), ("/old/", "/v1", "/v1/"), ("/old/", "/v1/", "/v1/"),
        ("/old?a=1", "", "/?a=1"), ("/old?a=%2F&b", "/v1", "/v1?a=%2F&b"), ("/old/a%2Fb|c", "/v1/", "/v1/a%2Fb|c"),
        ("/old//a//", "", "//a//"),
    ]

    @Test(arguments: paths.indices) func `the rest of the path follows the URL's, as it was sent`(
        index: Int
    ) async throws {
        let (asked, below, target) = Self.paths[index]
        try await withServers(Self.echo, below: below) { caller async throws in
            let line = try await caller.send(asked).text.prefix { $0 != "\n" }
            #expect(line == "GET \(target) named", "\(asked) below \(below)")
        }
    }

    @Test func `nothing above the URL's path is reached`() async throws {
        try await withServers(Self.echo) { caller async throws in
            for path in ["/old/../x", "/old/%2e%2E/x", "/old/.", "/old/a/.."] {
                #expect(try await caller.send(path).status == 400, "\(path)")
            }
        }
    }

    @Test func `a response keeps its length, or has none, or no body`() async throws {
        try await withServers {
            $0.get("/v1/none") { _ in HTTPResponse.Status.noContent }
            $0.get("/v1/same") { _ in Response(.notModified).with(.eTag, "\"a\"") }
            $0.get("/v1/to") { _ in Redirect(to: "/elsewhere") }
            $0.get("/v1/stream") { _ in Response { writer in for _ in 0..<3 { try await writer.write("abc") } } }
            $0.get("/v1/text") { _ in "text" }
        } _: { caller async throws in
            #expect(try await caller.send("/old/none").status == 204)
            let same = try await caller.send("/old/same")
            #expect(same.status == 304 && same.field("ETag") == "\"a\"")
            let redirect = try await caller.send("/old/to")
            #expect(redirect.status == 303 && redirect.field("Location") == "/elsewhere")
            let stream = try await caller.send("/old/stream")
            #expect(stream.text == "abcabcabc" && stream.field("Content-Length") == nil)
            let text = try await caller.send("/old/text")
            #expect(text.text == "text" && text.field("Content-Length") == "4")
            let head = try await caller.send("/old/text", method: "HEAD")
            #expect(head.status == 200 && head.field("Content-Length") == "4" && head.text.isEmpty)
        }
    }

    @Test func `trailers go both ways, to who takes them, and say nothing that a head says`() async throws {
        let sum = HTTPField.Name("X-Sum")!
        try await withServers {
            $0.post("/v1/sum") { request async in
                Response { writer in
                    var text = ""
                    for try await piece in request.body { text += String(decoding: piece, as: UTF8.self) }
                    let names = request.trailers.map { $0.name.canonicalName }.sorted().joined(separator: " ")
                    try await writer.write("\(text) [\(names)] \(request.header("Trailer") ?? "-")")
                    writer.trailers[sum] = "\(request.trailers[sum] ?? "none") \(request.header("TE") ?? "-")"
                    writer.trailers[.init("X-Forwarded-For")!] = "1.2.3.4"
                }.with(.trailer, "X-Sum")
            }
        } _: { caller async throws in
            for (fields, te) in [("TE: trailers\r\nConnection: TE, x-own", "trailers"), ("Connection: x-own", "-")] {
                let raw = try await caller.connect()
                raw.send("POST /old/sum HTTP/1.1\r\nHost: a\r\n\(fields)\r\nTrailer: X-Sum\r\n")
                raw.send("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n")
                raw.send("X-Sum: y\r\nX-Own: 1\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")
                let answer = await raw.receive { $0.contains("\r\n0\r\n") && $0.hasSuffix("\r\n\r\n") }
                #expect(answer.contains("abc [x-sum] X-Sum\r\n"), "\(answer)")
                #expect(answer.contains("Trailer: X-Sum\r\n"), "\(answer)")
                #expect(answer.hasSuffix("\r\n0\r\nX-Sum: y \(te)\r\n\r\n"), "\(answer)")
                raw.close()
            }
        }
    }

    @Test func `a request for a WebSocket is told that none is handed on`() async throws {
        try await withServers(Self.echo) { caller async throws in
            let raw = try await caller.connect()
            raw.send("GET /old/live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c, WebSocket\r\n\r\n")
            let answer = await raw.receive { $0.hasSuffix("not handed on here.\n") }
            #expect(answer.hasPrefix("HTTP/1.1 501 "))
            raw.close()
            let other = try await caller.send("/old/live", [("Connection", "Upgrade"), ("Upgrade", "h2c")])
            #expect(other.status == 201)
        }
    }

    @Test func `bodies go both ways at once, and nobody keeps them`() async throws {
        try await withServers {
            $0.post("/v1/copy", bodyLimit: 10_000_000) { request async in
                Response { writer in for try await piece in request.body { try await writer.write(piece) } }
            }
        } _: { caller async throws in
            let (body, count) = ([UInt8](repeating: 7, count: 50_000), 160)
            let pieces = Locked(0)
            let source = AsyncStream<[UInt8]> {
                pieces.withLock { number in
                    number += 1
                    return number > count
                } ? nil : body
            }
            let answer = try await HTTPClient.shared.send(
                .post, "http://\(caller.server.address)/old/copy", body: source)
            #expect(answer.body == [UInt8](repeating: 7, count: body.count * count))
        }
    }

    @Test func `a body that is too large is 413, though its sending has begun`() async throws {
        try await withServers {
            $0.post("/v1/up", bodyLimit: 20_000_000) { request async throws in
                for try await _ in request.body {}
                return ""
            }
        } _: { caller async throws in
            let url = "http://\(caller.server.address)/old/up"
            let endless = AsyncStream<[UInt8]> { [UInt8](repeating: 7, count: 100_000) }
            #expect(try await HTTPClient.shared.send(.post, url, body: endless).status == .contentTooLarge)
        }
    }

    @Test func `who cannot be asked is 502, and who is slow 504`() async throws {
        var settings = HTTPClient.Settings()
        settings.responseTimeout = .milliseconds(200)
        let isOver = Signal()
        try await withServers(
            {
                $0.get("/v1/slow") { _ async in
                    await isOver.wait()
                    return ""
                }
            }, client: HTTPClient(settings)
        ) { caller async throws in
            #expect(try await caller.send("/old/slow").status == 504)
            isOver.send()
        }
        let (client, log) = (HTTPClient(), KeptLog())
        try await withApp { app in
            app.logger = log.logger
            app.get("/nobody") { request async throws in
                try await client.forward(request, to: "http://\(freshAddress(port: 9))")
            }
            app.get("/asked") { request async throws in try await client.forward(request, to: "http://a.example/?b") }
            app.get("/mistaken") { request async throws in try await client.forward(request, to: "old.internal") }
        } _: { caller async throws in
            #expect(try await caller.send("/nobody").status == 502)
            for path in ["/mistaken", "/asked"] { #expect(try await caller.send(path).status == 502) }
            let reasons = log.entries.map { "\($0.metadata)" }
            #expect(reasons.count == 3 && reasons[1].contains("such as https://"), "\(reasons)")
            #expect(reasons[2].contains("http://a.example/: give forward a URL without a query"), "\(reasons)")
        }
    }

    @Test(arguments: ["GET", "POST"]) func `a response that breaks off is cut, and one nobody reads is let go`(
        method: String
    ) async throws {
        let hasEnded = Signal()
        try await withServers {
            for method in Self.methods {
                $0.on(method, "/v1/broken") { _ async in
                    Response { writer in
                        try await writer.write("some")
                        throw CancellationError()
                    }
                }
                $0.on(method, "/v1/endless") { _ async in
                    Response { writer in
                        defer { hasEnded.send() }
                        while true { try await writer.write([UInt8](repeating: 7, count: 100_000)) }
                    }
                }
            }
        } _: { caller async throws in
            // A body of which some never comes: nobody may wait for it once the response is over.
            let body = method == "POST" ? "Content-Length: 10\r\n\r\nabc" : "\r\n"
            let raw = try await caller.connect()
            raw.send("\(method) /old/broken HTTP/1.1\r\nHost: a\r\n\(body)")
            let text = await raw.receiveAll()
            #expect(text.contains("some") && !text.hasSuffix("0\r\n\r\n"))
            let other = try await caller.connect()
            other.send("\(method) /old/endless HTTP/1.1\r\nHost: a\r\n\(body)")
            await other.receive { $0.contains("200 OK") }
            other.reset()
            await hasEnded.wait()
        }
    }

    @Test func `a response that is opened and left lends its connection to the next`() async throws {
        var settings = HTTPClient.Settings()
        settings.connectionsPerServer = 1
        let client = HTTPClient(settings)
        try await withApp { app in
            app.get("/long") { _ in
                Response { writer in while true { try await writer.write([UInt8](repeating: 7, count: 100_000)) } }
            }
            app.get("/short") { _ in Response(.accepted, text: "short") }
            app.get("/to") { _ in Redirect(to: "/short") }
        } _: { caller async throws in
            let url = "http://\(caller.server.address)"
            try await withApp { app in
                app.get("/long") { _ async throws in try await client.open(.get, "\(url)/long") }
                app.get("/left") { _ async throws in
                    let response = try await client.open(.get, "\(url)/long")
                    return "\(response.status.code)"
                }
                app.get("/short") { _ async throws in try await client.open(.get, "\(url)/to") }
            } _: { front async throws in
                for _ in 0..<3 {
                    #expect(try await front.send("/left").text == "200")
                    #expect(try await front.send("/long", method: "HEAD").status == 200)
                    let short = try await front.send("/short")
                    #expect(short.status == 202 && short.text == "short")
                }
            }
        }
    }
}
