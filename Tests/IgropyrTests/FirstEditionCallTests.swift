import Igropyr
import Testing

/// What the first edition's manual shows, by the calls of the second. Its programs run as they are, too:
/// `FirstEditionTests`.
@Suite(.timeLimit(.minutes(5))) struct FirstEditionCallTests {
    @Test func `the manual's example, in Swift`() async throws {
        try await Site.with { site in
            try await withApp { app in
                app.files("/static", from: site.path)
                app.server.connections = 3600
                app.server.idleTimeout = .milliseconds(3600)
                app.get("/**") { _ in "Hello World" }
                app.post("/**") { _ in "Hello World" }
            } _: { caller in
                for method in ["GET", "POST"] {
                    let response = try await caller.send("/any/path?x", method: method)
                    #expect(response.status == 200 && response.text == "Hello World", "\(method)")
                    #expect(response.field("Content-Type") == "text/plain; charset=utf-8")
                }
                #expect(try await caller.send("/static/a%20b.txt").text == "text")
                #expect(try await caller.send("/", method: "PUT").field("Allow") == "GET, HEAD, POST, OPTIONS")
            }
        }
    }

    @Test func `the settings that are missing are the manual's`() {
        let app = App()
        #expect(app.server.connections == 1024 && app.server.idleTimeout == .milliseconds(5000))
    }

    /// `keepalive` 0.
    @Test func `one request on a connection closes it`() async throws {
        try await withApp { app in
            app.server.requestsPerConnection = 1
            app.get("/") { _ in "Hello World" }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let text = await raw.receive { _ in false }  // To the end of the connection.
            #expect(text.contains("\r\nConnection: close\r\n") && text.hasSuffix("Hello World"))
        }
    }

    /// `(request get)` gets header, path and query; `(request post)` header, path and payload.
    @Test func `a handler gets fields, path, query and payload`() async throws {
        try await withApp { app in
            app.get("/**") { request in
                "\(request.header("X-One") ?? "") \(request.header("X-None") ?? "") \(request.path) \(try request.query["a"] ?? "")"
            }
            app.post("/**") { request async throws in
                "\(request.path) \(String(decoding: try await request.body(upTo: 100), as: UTF8.self))"
            }
        } _: { caller in
            let got = try await caller.send("/p/q?a=1", [("x-one", "one")])
            #expect(got.text == "one  /p/q 1")
            let posted = try await caller.send("/p/q", method: "POST", body: "päyload")
            #expect(posted.text == "/p/q päyload")
        }
    }

    /// `(response 201 "text/html" (list "a=b" "with a cookie"))`
    @Test func `a response has a status, a type, a content and maybe a cookie`() async throws {
        try await withApp { app in
            app.get("/plain") { _ in Response(.ok, text: "Hello World", contentType: "text/plain") }
            app.get("/cookie") { _ in
                var response = Response(.created, text: "with a cookie", contentType: "text/html")
                try response.setCookie(Cookie("a", "b"))
                return response
            }
        } _: { caller in
            let plain = try await caller.send("/plain")
            #expect(plain.field("Content-Type") == "text/plain" && plain.field("Set-Cookie") == nil)
            let cookie = try await caller.send("/cookie")
            #expect(cookie.status == 201 && cookie.text == "with a cookie")
            #expect(cookie.field("Content-Type") == "text/html")
            #expect(cookie.field("Set-Cookie")?.hasPrefix("a=b;") ?? false)
        }
    }

    /// `(sendfile "" file)` finds the type by itself, `(sendfile type file)` is told.
    @Test func `a handler sends a file, with the type of its name or another`() async throws {
        try await Site.with { site in
            try site.write("i.png", "image")
            let files = try StaticFiles(site.path)
            try await withApp { app in
                app.get("/file") { request in try files.response(request.query["name"] ?? "", to: request) }
                app.get("/typed") { request in
                    var response = try files.response("i.png", to: request)
                    response?.contentType = "text/x-own"
                    return response
                }
            } _: { caller in
                let file = try await caller.send("/file?name=i.png")
                #expect(file.text == "image" && file.field("Content-Type") == "image/png")
                #expect(try await caller.send("/file?name=folder/index.html").text == "<p>folder")
                #expect(try await caller.send("/typed").field("Content-Type") == "text/x-own")
                let part = try await caller.send("/file?name=i.png", [("Range", "bytes=1-2")])
                #expect(part.status == 206 && part.text == "ma")
                for name in ["none", "../outside.txt", "/etc/passwd", "", "folder", "folder/", ".secret", "a%5Cb"] {
                    #expect(try await caller.send("/file?name=\(name)").status == 404, "\(name)")
                }
                #expect(try await caller.send("/file?name=i.png%00").status == 400)
            }
        }
    }

    @Test func `files of a folder that is none cannot be had`() {
        #expect(throws: (any Error).self) { try StaticFiles("/nonexistent") }
    }

    /// `(errorpage 404)` and `(errorpage 404 "no <page>")`
    @Test func `an error page has a code, and maybe a message`() async throws {
        try await withApp { app in
            app.get("/bare") { _ -> String in throw HTTPFailure(.notFound) }
            app.get("/message") { _ -> String in throw HTTPFailure(.notFound, "no <page>") }
        } _: { caller in
            for (target, says) in [("/bare", "<h1>404 Not Found</h1>"), ("/message", "<p>no &lt;page&gt;</p>")] {
                let page = try await caller.send(target, [("Accept", "text/html")])
                #expect(page.status == 404 && page.field("Content-Type") == "text/html; charset=utf-8")
                #expect(page.text.contains(says), "\(page.text)")
            }
        }
    }

    /// `(path-parser "/foo/bar/baz" 0)` and so on: parts of a path have names.
    @Test func `parts of a path are had by name`() async throws {
        try await withApp { app in
            app.get("/:a/:b/:c") { request in
                ["a", "b", "c", "d"].map { request.parameters[$0] ?? "-" }.joined(separator: " ")
            }
        } _: { caller in
            let parts = try await caller.send("/foo/bar/baz").text
            #expect(parts == "foo bar baz -")
        }
    }

    /// Header fields of ours cannot be broken by what goes into them.
    @Test func `no field lets a line in`() async throws {
        let evil = "x\r\nX-Evil: 1"
        try await withApp { app in
            app.get("/type") { _ in Response(text: "", contentType: evil) }
            app.get("/redirect") { _ in Redirect(to: "/" + evil) }
            app.get("/field") { _ in Response(text: "").with(.init("X-Field")!, evil) }
            app.get("/cookie") { _ in
                var response = Response(text: "")
                try response.setCookie(Cookie("a", evil))
                return response
            }
        } _: { caller in
            for target in ["/type", "/redirect", "/field", "/cookie"] {
                let response = try await caller.send(target)
                #expect(response.field("X-Evil") == nil, "\(target)")
            }
            #expect(try await caller.send("/cookie").status == 500)
        }
    }

    // MARK: Catapult: handlers are functions

    private typealias Handler = @Sendable (Request) throws -> Response

    private static func loud(_ handler: @escaping Handler) -> Handler {
        { request in
            let response = try handler(request)
            return response.with(.init("X-Loud")!, "yes")
        }
    }

    private static func onlyFor(_ name: String, _ handler: @escaping Handler) -> Handler {
        { request in
            guard try request.query["name"] == name else { throw HTTPFailure(.forbidden) }
            return try handler(request)
        }
    }

    @Test func `handlers are functions, and compose`() async throws {
        try await withApp { app in
            let hello: Handler = { _ in Response(text: "Hello World") }
            app.get("/", Self.loud(Self.onlyFor("Ann", hello)))
        } _: { caller in
            let response = try await caller.send("/?name=Ann")
            #expect(response.text == "Hello World" && response.field("X-Loud") == "yes")
            #expect(try await caller.send("/?name=Bob").status == 403)
        }
    }
}
