import Igropyr
import IgropyrTransport
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct FileCodingTests {
    /// `page.html` has all siblings, `app.js` one; `style.css` none; `image.png` is not worth it, and `tiny.txt` too
    /// small.
    private static func with(
        _ change: @escaping @Sendable (inout FileServing) -> Void = { _ in },
        _ body: @escaping @Sendable (Caller, Site) async throws -> Void
    ) async throws {
        try await Site.with { site in
            for (name, text) in [
                ("page.html", Site.text), ("page.html.br", "br!"), ("page.html.zst", "zst!"), ("page.html.gz", "gz!"),
                ("app.js", Site.text), ("app.js.gz", "js.gz!"), ("style.css", Site.text), ("image.png", Site.text),
                ("image.png.gz", "never"), ("tiny.txt", "tiny"), ("big.txt", Site.big),
            ] { try site.write(name, text) }
            try await withApp { app in
                app.loops = 1
                var serving = FileServing()
                change(&serving)
                app.files("/", from: site.path, serving)
            } _: { caller in
                try await body(caller, site)
            }
        }
    }

    private static let choices: [(target: String, accept: String?, status: Int, coding: String?, varies: Bool)] = [
        ("/page.html", nil, 200, nil, true),
        ("/page.html", "", 200, nil, true),
        ("/page.html", "gzip, deflate, br, zstd", 200, "br", true),
        ("/page.html", "zstd, gzip", 200, "zstd", true),
        ("/page.html", "gzip", 200, "gzip", true),
        ("/page.html", "gzip, br;q=0.9", 200, "gzip", true),
        ("/page.html", "identity, gzip;q=0.5", 200, nil, true),
        ("/page.html", "deflate", 200, nil, true),
        ("/page.html", "deflate, identity;q=0", 406, nil, true),
        ("/page.html", "*;q=0", 406, nil, true),
        ("/page.html", "br, *;q=0", 200, "br", true),
        // A sibling is better than to compress now, unless the client says otherwise.
        ("/app.js", "gzip, br, zstd", 200, "gzip", true),
        ("/app.js", "gzip;q=0.5, br", 200, "br", true),
        ("/style.css", "gzip, br, zstd", 200, "zstd", true),
        ("/style.css", "br", 200, "br", true),
        ("/style.css", "gzip", 200, "gzip", true),
        ("/image.png", "gzip", 200, nil, false),
        ("/image.png", "gzip, identity;q=0", 406, nil, true),
        ("/tiny.txt", "gzip", 200, nil, true),
        ("/tiny.txt", "gzip, identity;q=0", 200, "gzip", true),
        ("/page.html.gz", "gzip", 200, nil, false),
    ]

    @Test func `the representation that the client likes best is sent`() async throws {
        try await Self.with { caller, _ in
            for row in Self.choices {
                let fields = row.accept.map { [("Accept-Encoding", $0)] } ?? []
                for method in ["GET", "HEAD"] {
                    let response = try await caller.send(row.target, fields, method: method)
                    let title: Testing.Comment = "\(method) \(row.target) \(row.accept ?? "-")"
                    #expect(response.status == row.status, title)
                    #expect(response.field("Content-Encoding") == row.coding, title)
                    #expect(response.field("Vary") == (row.varies ? "Accept-Encoding" : nil), title)
                    if method == "HEAD" { #expect(response.body.isEmpty, title) }
                }
            }
        }
    }

    @Test func `a sibling has the type of its file, a tag of its own, and ranges`() async throws {
        try await Self.with { caller, _ in
            let plain = try await caller.send("/page.html")
            let brotli = try await caller.send("/page.html", [("Accept-Encoding", "br")])
            #expect(brotli.text == "br!")
            #expect(brotli.field("Content-Type") == "text/html; charset=utf-8")
            let (plainTag, tag) = (try #require(plain.field("ETag")), try #require(brotli.field("ETag")))
            #expect(tag != plainTag && tag.hasPrefix("\""))
            let again = [("Accept-Encoding", "br"), ("If-None-Match", tag)]
            let unchanged = try await caller.send("/page.html", again)
            #expect(unchanged.status == 304 && unchanged.field("ETag") == tag)
            #expect(unchanged.field("Vary") == "Accept-Encoding" && unchanged.field("Content-Encoding") == nil)
            #expect(try await caller.send("/page.html", [again[0], ("If-None-Match", plainTag)]).status == 200)
            let part = try await caller.send("/page.html", [again[0], ("Range", "bytes=0-1"), ("If-Range", tag)])
            #expect(part.status == 206 && part.text == "br" && part.field("Content-Encoding") == "br")
        }
    }

    @Test func `what is compressed on the way has a weak tag and no ranges, and is kept`() async throws {
        try await Self.with { caller, _ in
            for target in ["/style.css", "/big.txt"] {
                let plain = try #require(try await caller.send(target).field("ETag"))
                let fields = [("Accept-Encoding", "gzip")]
                let first = try await caller.send(target, fields)
                let second = try await caller.send(target, fields)
                #expect(first.field("Content-Encoding") == "gzip" && first.field("Accept-Ranges") == nil)
                let tag = try #require(first.field("ETag"))
                #expect(tag.hasPrefix("W/") && tag != "W/\(plain)" && tag != plain)
                #expect(second.body == first.body && second.field("ETag") == tag)
                #expect(second.field("Content-Length") == "\(first.body.count)")
                #expect(try await caller.send(target, fields + [("If-None-Match", tag)]).status == 304)
                #expect(try await caller.send(target, fields + [("If-Match", tag)]).status == 412)
                let part = try await caller.send(target, fields + [("Range", "bytes=0-3")])
                #expect(part.status == 206 && part.text == "line" && part.field("Content-Encoding") == nil)
            }
        }
    }

    @Test func `a sibling that comes or goes is seen`() async throws {
        try await Self.with {
            $0.cache.staleness = .zero
        } _: { caller, site in
            let fields = [("Accept-Encoding", "br")]
            #expect(try await caller.send("/style.css", fields).text != "css.br!")
            try site.write("style.css.br", "css.br!")
            #expect(try await caller.send("/style.css", fields).text == "css.br!")
            try site.remove("style.css.br")
            #expect(try await caller.send("/style.css", fields).field("ETag")?.hasPrefix("W/") == true)
        }
    }

    @Test func `without compression only siblings are chosen, without siblings nothing`() async throws {
        try await Self.with {
            $0.compression = nil
        } _: { caller, _ in
            let style = try await caller.send("/style.css", [("Accept-Encoding", "br")])
            let page = try await caller.send("/page.html", [("Accept-Encoding", "br")])
            #expect(style.text == Site.text && page.text == "br!")
        }
        try await Self.with {
            $0.compression = nil
            $0.precompressed = []
        } _: { caller, _ in
            let page = try await caller.send("/page.html", [("Accept-Encoding", "br")])
            #expect(page.text == Site.text)
        }
    }

    @Test func `a file beyond the limits is sent as it is, and a large result not kept`() async throws {
        try await Self.with {
            $0.compression?.maximumFileBytes = Site.big.utf8.count - 1
            $0.cache.encodedBytes = 0
        } _: { caller, _ in
            let big = try await caller.send("/big.txt", [("Accept-Encoding", "gzip")])
            #expect(big.text == Site.big)
        }
        try await Self.with {
            $0.cache.encodedBytes = 1000
        } _: { caller, _ in
            for _ in 0..<2 {
                let response = try await caller.send("/big.txt", [("Accept-Encoding", "gzip")])
                #expect(response.field("Content-Encoding") == "gzip" && response.field("Content-Length") == nil)
            }
        }
    }

    @Test(arguments: ["gzip", "br", "zstd"]) func `curl reads every coding`(coding: String) async throws {
        try await Self.with { caller, _ in
            for (target, text) in [("/style.css", Site.text), ("/big.txt", Site.big)] {
                for _ in 0..<2 {
                    let output = try await run([
                        "curl", "-sS", "--compressed", "-H", "Accept-Encoding: \(coding)", "-o", "-",
                        "-w", "\n%header{content-encoding}", "http://\(caller.server.address)\(target)",
                    ]).output
                    #expect(output == text + "\n" + coding)
                }
            }
        }
    }
}
