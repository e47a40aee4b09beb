import HTTPTypes
import Igropyr
import IgropyrUV
import TestSupport
import Testing

/// Writes every body in capitals, and a mark behind it.
private struct Capitals: Middleware {
    var mark = "!"

    func before(_ request: Request) -> Response? {
        request.askForWholeBody()
        return nil
    }

    func after(_ request: Request, _ response: inout Response) {
        response.mapBody { piece in
            piece.uppercased
        } atEnd: { [mark] writer in
            try await writer.write(mark)
        }
    }
}

/// As whoever forgets to ask before.
private struct Forgetful: Middleware {
    func after(_ request: Request, _ response: inout Response) { response.mapBody { $0.uppercased } }
}

extension [UInt8] {
    fileprivate var uppercased: [UInt8] { map { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 ? $0 - 32 : $0 } }
}

private struct Broken: Error {}

@Suite(.timeLimit(.minutes(5))) struct MapBodyTests {
    private static func addRoutes(_ app: App, _ site: Site) {
        app.get("/text") { _ in "text" }
        app.get("/bytes") { _ in Response(bytes: Array("bytes".utf8)) }
        app.get("/late") { _ async in
            await Task.yield()
            return "late"
        }
        app.get("/stream") { _ in Response { writer in for text in ["a", "", "bc"] { try await writer.write(text) } } }
        app.get("/tagged") { request in
            let validators = Validators(entityTag: EntityTag("v"))
            if let answer = request.conditionalAnswer(for: validators) { return answer }
            return Response(text: "tagged").with(validators).with(.init("Content-Digest")!, "sha-256=:AA==:")
        }
        app.get("/none") { _ in HTTPResponse.Status.noContent }
        app.get("/big") { _ in Site.big }
        app.files("/files", from: site.path)
    }

    private static let rows: [(target: String, text: String)] = [
        ("/text", "TEXT!"), ("/bytes", "BYTES!"), ("/late", "LATE!"), ("/stream", "ABC!"), ("/tagged", "TAGGED!"),
        ("/files/a%20b.txt", "TEXT!"), ("/files/large.bin", Site.large.uppercased() + "!"), ("/files/empty", "!"),
        ("/nothing", "NOT FOUND\n!"), ("/none", ""),
    ]

    @Test func `a body is mapped whatever it is made of, and whatever part or coding is asked for`() async throws {
        try await Site.with { site in
            try site.write("a b.txt.gz", "a sibling")
            try await withApp { app in
                Self.addRoutes(app, site)
                app.use(Capitals())
            } _: { caller in
                let fields = [("Range", "bytes=1-2"), ("Accept-Encoding", "gzip")]
                for row in Self.rows {
                    for method in ["GET", "HEAD"] {
                        let response = try await caller.send(row.target, fields, method: method)
                        let title: Testing.Comment = "\(method) \(row.target)"
                        #expect([200, 204, 404].contains(response.status), title)
                        #expect(response.text == (method == "GET" ? row.text : ""), title)
                        for name in ["Content-Length", "Accept-Ranges", "Content-Digest", "Content-Encoding"] {
                            #expect(response.field(name) == nil, "\(method) \(row.target) has \(name)")
                        }
                        let tag = response.field("ETag")
                        #expect(tag == nil || tag?.hasPrefix("W/") == true, title)
                    }
                }
                let tag = [("If-None-Match", "W/\"v\"")]
                #expect(try await caller.send("/tagged").field("ETag") == "W/\"v\"")
                #expect(try await caller.send("/tagged", tag).status == 304)
            }
        }
    }

    @Test func `what was mapped is compressed, be it of a file`() async throws {
        try await Site.with { site in
            try site.write("big.txt", Site.big)
            try await withApp { app in
                app.compression = Compression()
                Self.addRoutes(app, site)
                app.use(Capitals())
            } _: { caller in
                for target in ["/big", "/files/big.txt"] {
                    let output = try await run([
                        "curl", "-sS", "--compressed", "-H", "Accept-Encoding: gzip", "-w",
                        "\n%header{content-encoding}", "http://\(caller.server.address)\(target)",
                    ]).output
                    #expect(output == Site.big.uppercased() + "!\ngzip", "\(target)")
                }
            }
        }
    }

    @Test func `a file that was asked for as a whole, and not mapped, is compressed`() async throws {
        try await Site.with { site in
            try site.write("big.txt", Site.big)
            try await withApp { app in
                app.compression = Compression()
                app.use { request in
                    request.askForWholeBody()
                    return nil
                }
                app.files("/", from: site.path)
            } _: { caller in
                let output = try await run([
                    "curl", "-sS", "--compressed", "-w", "\n%header{content-encoding} %header{etag}",
                    "http://\(caller.server.address)/big.txt",
                ]).output
                let lines = output.split(separator: "\n")
                #expect(output.hasPrefix(Site.big) && lines.last?.contains(" W/") == true, "\(lines.last ?? "")")
            }
        }
    }

    @Test func `who is further in maps first`() async throws {
        try await withApp { app in
            app.use(Capitals(mark: "b"))
            let group = app.group("/inner")
            group.use(Capitals(mark: "a"))
            group.get("/") { _ in "text" }
        } _: { caller async throws in
            #expect(try await caller.send("/inner").text == "TEXTAb")
        }
    }

    @Test func `a length that is known is announced, and must be true`() async throws {
        try await withApp { app in
            app.use { request, next in
                var response = await next(request)
                let wrong = request.header("X-Wrong").flatMap { Int($0) } ?? 0
                response.mapBody(length: response.bodyLength.map { $0 + wrong }) { $0.uppercased }
                return response
            }
            app.get("/") { _ in "text" }
        } _: { caller in
            let response = try await caller.send("/")
            #expect(response.text == "TEXT" && response.field("Content-Length") == "4")
            for wrong in ["1", "-1"] {
                await #expect(throws: (any Error).self) { try await caller.send("/", [("X-Wrong", wrong)]) }
            }
            let raw = try await caller.connect()
            raw.send("GET / HTTP/1.1\r\nHost: a\r\nX-Wrong: -5\r\n\r\n")
            #expect(await raw.receiveAll().hasPrefix("HTTP/1.1 500 "))
        }
    }

    @Test func `trailers may tell of what was sent`() async throws {
        let sum = HTTPField.Name("X-Sum")!
        try await withApp { app in
            app.use { request, next in
                var response = await next(request)
                var count = 0
                response.mapBody { piece in
                    count += piece.count
                    return piece
                } atEnd: { writer in
                    writer.trailers[sum] = "\(count) \(writer.trailers[sum] ?? "")"
                }
                return response
            }
            app.get("/") { _ in
                Response { writer in
                    for text in ["abc", "de"] { try await writer.write(text) }
                    writer.trailers[sum] = "inner"
                }
            }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let text = await raw.receive { $0.hasSuffix("inner\r\n\r\n") }
            #expect(text.hasSuffix("3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5 inner\r\n\r\n"), "\(text)")
            raw.close()
        }
    }

    @Test(arguments: ["/piece", "/end", "/source"]) func `an error on the way cuts the response`(
        path: String
    ) async throws {
        try await withApp { app in
            app.use { request, next in
                var response = await next(request)
                response.mapBody { piece in
                    if path == "/piece", piece == Array("b".utf8) { throw Broken() }
                    return piece.uppercased
                } atEnd: { _ in
                    if path == "/end" { throw Broken() }
                }
                return response
            }
            app.get(path) { _ in
                Response { writer in
                    for text in ["a", "b"] { try await writer.write(text) }
                    if path == "/source" { throw Broken() }
                }
            }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
            let text = await raw.receiveAll()
            #expect(text.contains("1\r\nA\r\n") && !text.hasSuffix("0\r\n\r\n"))
            #expect(text.contains("1\r\nB\r\n") == (path != "/piece"))
        }
    }

    @Test func `a part or a coding that was let through is refused, not mapped`() async throws {
        try await Site.with { site in
            try site.write("a b.txt.gz", "a sibling")
            try await withApp { app in
                app.use(Forgetful())
                app.files("/", from: site.path)
            } _: { caller in
                for field in ["Range: bytes=1-2", "Accept-Encoding: gzip"] {
                    let raw = try await caller.connect()
                    raw.send("GET /a%20b.txt HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n")
                    let text = await raw.receiveAll()
                    #expect(text.hasPrefix("HTTP/1.1 500 ") && text.hasSuffix("\r\n\r\n"), "\(field): \(text)")
                }
                #expect(try await caller.send("/a%20b.txt").text == "TEXT")
            }
        }
    }

    @Test func `a source waits for a client that takes nothing, and ends when that goes`() async throws {
        let (count, ended) = (Locked(0), Signal())
        try await withApp { app in
            app.loops = 1
            let group = app.group("/endless")
            group.use(Capitals())
            group.get("/") { _ in
                Response { writer in
                    defer { ended.send() }
                    while true {
                        count.withLock { $0 += 1 }
                        try await writer.write([UInt8](repeating: 120, count: 100_000))
                    }
                }
            }
            app.get("/other") { _ in "" }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
            await raw.receive { $0.contains("XXX") }
            raw.stopReading()
            for _ in 0..<200 { #expect(try await caller.send("/other").status == 200) }  // Turns of the same loop.
            #expect(count.withLock { $0 } < 500)
            raw.reset()
            await ended.wait()
        }
    }
}
