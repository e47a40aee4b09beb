import Foundation
import IgropyrSites
import TestSupport
import Testing

/// Programs as the first edition's manual has them.
@Suite(.timeLimit(.minutes(5))) struct FirstEditionTests {
    private static func with(
        _ program: String, _ body: @escaping @Sendable (SiteCaller, SiteFixture, Site) async throws -> Void
    ) async throws {
        let fixture = try SiteFixture()
        defer { fixture.remove() }
        try fixture.write("static/a.css", "p {}")
        try fixture.write("hallö \"\\.scm", program.replacing("/usr/local/www", with: fixture.web + "/static"))
        var site = try await Site(program: fixture.web + "/hallö \"\\.scm")
        site.loops = 1
        let settings = site
        try await serve(site) { caller in try await body(caller, fixture, settings) }
    }

    @Test func `the manual's example runs as it is written`() async throws {
        let program = """
            (import (igropyr http))

            (define get
              (lambda (header path query)
                (response 200 "text/plain" "Hello World")))
            (define post
              (lambda (header path payload)
                (response 200 "text/plain" "Hello World")))

            (server
              (request get)
              (request post)
              (set
                ('staticpath    "/usr/local/www")   ;to define the static path
                ('connections   3600)               ;to define the max connections, default is 1024
                ('keepalive     3600))              ;keepalive timeout, 0 for short connection, default is 5000 (ms)
              (listen "" 8080))               ;define the ip and port that server listen on
            """
        try await Self.with(program) { caller, site, settings in
            #expect(settings.address == "0.0.0.0" && settings.port == 8080 && settings.connections == 3600)
            for method in ["GET", "POST"] {
                let response = try await caller.send("/any/path?x", method: method)
                #expect(response.status == 200 && response.text == "Hello World", "\(method)")
                #expect(response.field("Content-Type") == "text/plain")
            }
            #expect(try await caller.text("/") == "Hello World")
            #expect(try await caller.text("/a.css") == "p {}")
            #expect(try await caller.status("/hall%C3%B6%20%22.scm") == 200)
            let refused = try await caller.send("/", method: "PUT", body: [1])
            #expect(refused.status == 405 && refused.field("Allow") == "GET, HEAD, POST")
        }
    }

    private static let defaults: [(listen: String, address: String, port: UInt16)] = [
        ("(listen)", "0.0.0.0", 80), ("(listen \"127.0.0.1\")", "127.0.0.1", 80), ("(listen 8080)", "0.0.0.0", 8080),
        ("(listen \"127.0.0.1\" 8081)", "127.0.0.1", 8081),
    ]

    @Test(arguments: defaults) func `settings that are missing are the manual's`(
        listen: String, address: String, port: UInt16
    ) async throws {
        let program = "(import (igropyr http)) (server (request list) (request list) (set) \(listen))"
        try await Self.with(program) { _, _, settings in
            #expect(settings.address == address && settings.port == port && settings.connections == 1024)
        }
    }

    @Test func `its procedures do what the manual says`() async throws {
        let program = """
            (import (igropyr http))
            (define (all . values) (response 200 "text/plain" (format #f "~s" values)))
            (define (get header path query)
              (cond ((par "/par" path)
                     (all (par "/foo" "/foo") (par "/foo" "/bar") (par "/*" "/foo") (par "/foo/*" "/foo/bar")
                          (par "/*/bar" "/foo/bar") (par "/f*/bar" "/foo/bar") (par "/f*/bar" "/boo/bar")
                          (par "/foo/b*" "/foo/bar") (par "/foo/b*" "/foo/far")))
                    ((par "/path" path)
                     (all (path-parser "/foo/bar/baz" 0) (path-parser "/foo/bar/baz" 1) (path-parser "/foo/bar/baz" 2)
                          (path-parser "/foo/bar/baz" 3)))
                    ((par "/header" path) (all (header-parser header "X-One") (header-parser header "X-None") path query))
                    ((par "/cookie" path) (response 201 "text/html" (list "a=b" "with a cookie")))
                    ((par "/file" path) (sendfile "" query))
                    ((par "/typed" path) (sendfile "text/x-own" query))
                    ((par "/bad" path) (response 200 "text/plain\\r\\nX-Evil: 1" ""))
                    (else (errorpage 404 "no <page>"))))
            (define (post header path payload) (response 200 "text/plain" payload))
            (server (request get) (request post) (set) (listen 8080))
            """
        try await Self.with(program) { caller, site, _ in
            #expect(try await caller.text("/par") == "(#t #f #t #t #t #t #f #t #f)")
            #expect(try await caller.text("/path") == #"("foo" "bar" "baz" "")"#)
            #expect(try await caller.text("/header?a=1", [("X-One", "one")]) == #"("one" "" "/header" "a=1")"#)
            let cookie = try await caller.send("/cookie")
            #expect(cookie.status == 201 && cookie.field("Set-Cookie") == "a=b" && cookie.text == "with a cookie")
            let image = [UInt8](0...255)
            try Data(image).write(to: URL(filePath: site.path + "/i.png"))
            let file = try await caller.send("/file?" + site.path + "/i.png")
            #expect(file.body == image && file.field("Content-Type") == "image/png")
            #expect(try await caller.send("/typed?" + site.path + "/i.png").field("Content-Type") == "text/x-own")
            #expect(try await caller.status("/file?/none") == 404)
            let page = try await caller.send("/none")
            #expect(page.status == 404 && page.text.contains("no &lt;page&gt;"))
            let bad = try await caller.send("/bad")
            #expect(bad.status == 500 && bad.field("X-Evil") == nil)
            #expect(try await caller.send("/any", method: "POST", body: Array("päyload".utf8)).text == "päyload")
            // Without a static path no file is sent.
            #expect(try await caller.status("/hall%C3%B6%20%22.scm") == 404)
        }
    }

    private static let mistakes: [(program: String, says: String)] = [
        ("(display 1)", "calls no (server"), ("\n(car 1)", ".scm:2: In procedure car"),
        ("(server", ".scm:1:"),
        (
            "(import (igropyr http)) (server (request list) (request list) (set ('connection 0)) (listen))",
            "connection: found 0"
        ),
    ]

    @Test(arguments: mistakes) func `a program that cannot be served says why`(
        program: String, says: String
    ) async throws {
        let mistake = await #expect(throws: SiteMistake.self) { try await Self.with(program) { _, _, _ in } }
        #expect(mistake?.description.contains(says) ?? false, "\(mistake?.description ?? "")")
    }
}
