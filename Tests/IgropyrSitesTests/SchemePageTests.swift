import Foundation
import Igropyr
import IgropyrSites
import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct SchemePageTests {
    static func with(
        _ more: String = "", scheme: String = "{processes: 2, timeout: 60s}",
        _ body: @escaping @Sendable (SiteCaller, SiteFixture) async throws -> Void
    ) async throws {
        let yaml = "error-log: error.log\nhandlers: {ssp: ssp, ws: ws}\nscheme: \(scheme)\n"
        try await withSite(yaml + more, change: { $0.loops = 1 }, body)
    }

    /// The manual's example.
    @Test func `statements write and expressions are written, in their places`() async throws {
        try await Self.with { caller, site in
            try site.write(
                "a.ssp",
                """
                <html><body>
                <ol><?scheme (for-each (lambda (i) (printf "<li>~S~%" i)) (iota 5))?></ol>
                <br />
                <b><?(call-with-values (lambda () (user-information (current-user-id))) (lambda (name . _) name))?><b>
                </body></html>

                """)
            let response = try await caller.send("/a.ssp")
            let user = try #require(getpwuid(getuid())?.pointee)
            let name = String(cString: user.pw_name)
            #expect(response.status == 200 && response.field("Content-Type") == "text/html; charset=utf-8")
            let lines = response.text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(
                lines.prefix(8) == ["<html><body>", "<ol><li>0", "<li>1", "<li>2", "<li>3", "<li>4", "</ol>", "<br />"])
            #expect(lines[8].hasPrefix("<b>(\(name) x \(getuid()) ") && lines[8].hasSuffix(")<b>"), "\(lines[8])")
            #expect(lines.suffix(2) == ["</body></html>", ""])
        }
    }

    private static let pages: [(page: String, text: String)] = [
        ("no code", "no code"), ("", ""), ("ä ☃ \\ \" #;", "ä ☃ \\ \" #;"),
        ("<?scheme (for-each (lambda (i) ?><i><?i?></i><?scheme ) '(1 2)) ?>", "<i>1</i><i>2</i>"),
        ("<?scheme (define x 2) ?>a<?scheme (define (f y) (* x y)) ?><? (f 3) ?>", "a6"),
        ("<? 1 ; a comment ?>\n<? 2 ?>", "1\n2"), ("<? ?>|<?scheme ?>", "|"),
        ("<?scheme (use-modules (srfi srfi-1)) ?><? (first '(1 2)) ?>", "1"),
        ("a<? (begin (display \"b\") \"c\") ?>d", "abcd"),
        ("<? \"<ä>\" ?><? (htmlize \"<'&\\\">\") ?>", "<ä>&lt;&#39;&amp;&quot;&gt;"),
        ("a<?scheme ((ssp-exit-handler)) ?>b", "a"), ("a<?scheme (exit) ?>b", "a"),
        ("<?scheme (define cat 1) (set! cat (+ cat 1)) ?><? cat ?>", "2"),
    ]

    @Test func `a page is what is written in it, whatever parts it is made of`() async throws {
        try await Self.with { caller, site in
            for (number, page) in Self.pages.enumerated() {
                try site.write("p\(number).ssp", page.page)
                let response = try await caller.send("/p\(number).ssp")
                #expect(response.status == 200 && response.text == page.text, "\(page.page): \(site.text("error.log"))")
            }
        }
    }

    @Test func `the tags are the site's to choose`() async throws {
        let handler = "{ssp: {short-open-tag: '<%=', long-open-tag: '<%', close-tag: '%>'}}"
        try await withSite("handlers: {ssp: \(handler)}") { caller, site in
            try site.write("a.ssp", "<?xml version='1.0'?><% (define x 1) %><%= x %>")
            #expect(try await caller.text("/a.ssp") == "<?xml version='1.0'?>1")
        }
    }

    @Test func `parts are put in, and a change of any file is seen by the next request`() async throws {
        try await Self.with { caller, site in
            try site.write("sub/a.ssp", "1<? (ssp-stringize \"part.ssp\") ?><?scheme (ssp-include \"/b.ssp\") ?>")
            try site.write("sub/part.ssp", "[<? (current-file) ?>]")
            try site.write("b.ssp", "b")
            #expect(try await caller.text("/sub/a.ssp") == "1[sub/a.ssp]b")
            try site.write("b.ssp", "B")
            #expect(try await caller.text("/sub/a.ssp") == "1[sub/a.ssp]B")
            // Long unchanged, and so kept.
            for file in ["sub/a.ssp", "sub/part.ssp", "b.ssp"] {
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSinceNow: -100)], ofItemAtPath: site.web + "/" + file)
            }
            #expect(try await caller.text("/sub/a.ssp") == "1[sub/a.ssp]B")
            try site.write("sub/a.ssp", "2<?scheme (ssp-include \"../b.ssp\") ?>")
            #expect(try await caller.text("/sub/a.ssp") == "2B")
            try "secret".write(toFile: site.path + "/secret", atomically: false, encoding: .utf8)
            try site.link("link", to: site.path + "/secret")
            for name in ["../secret", "/link", "../../../../etc/passwd"] {
                try site.write("c.ssp", "<?scheme (ssp-include \"\(name)\") ?>")
                let response = try await caller.send("/c.ssp")
                #expect(response.status == 500 && !response.text.contains("secret"))
            }
        }
    }

    private static let values: [(file: String, text: String)] = [
        ("\"a <b>string</b>\"", "a <b>string</b>"), ("(display \"written\")\n#t", "written"), ("", ""),
        ("(display \"a\") \"b\"", "ab"), ("(define x 1)\n(number->string (+ x 1))", "2"),
        (
            "`(*TOP* (*DECL* DOCTYPE html) (html (body (@ (class \"a\\\"b\") (hidden)) (p \"1 < \" ,(+ 1 1)) (br) (*COMMENT* \"-->\"))))",
            "<!DOCTYPE html><html><body class=\"a&quot;b\" hidden><p>1 &lt; 2</p><br><!--   --></body></html>"
        ),
        ("'((script \"a < b\") (*verbatim* \"<hr>\"))", "<script>a < b</script><hr>"),
    ]

    @Test func `a file's value is the page`() async throws {
        try await Self.with { caller, site in
            for (number, value) in Self.values.enumerated() {
                try site.write("v\(number).ws", value.file)
                let response = try await caller.send("/v\(number).ws")
                #expect(
                    response.status == 200 && response.text == value.text, "\(value.file): \(site.text("error.log"))")
            }
        }
    }

    @Test func `the request is at hand under Spiffy's names`() async throws {
        try await Self.with { caller, site in
            try site.write(
                "a.ssp",
                """
                <? (request-method (current-request)) ?>
                <? (uri-path (request-uri (current-request))) ?>
                <? (uri-query (request-uri (current-request))) ?>
                <? (uri->string (request-uri (current-request))) ?>
                <? (header-value 'x-one (request-headers (current-request))) ?>
                <? (header-value 'none (request-headers (current-request)) "default") ?>
                <? (current-pathinfo) ?>
                <? (current-file) ?>
                <? (list (remote-address) (local-address) (secure-connection?)) ?>
                <? (list (request-major (current-request)) (request-minor (current-request))) ?>
                <? (read-urlencoded-request-data (current-request)) ?>
                """)
            let response = try await caller.send(
                "/a.ssp/x%20y/z?a=1&b=%C3%A4+c&d", [("Host", "site.test"), ("X-One", "(exit)")], method: "POST",
                body: Array("name=<Ann>&age=7".utf8))
            let port = caller.running.address.port
            #expect(
                response.text.split(separator: "\n") == [
                    "POST", "(/ a.ssp x y z)", "((a . 1) (b . ä c) (d . #t))",
                    "http://site.test:\(port)/a.ssp/x%20y/z?a=1&b=%C3%A4%20c&d", "(exit)", "default", "(x y z)",
                    "a.ssp", "(127.0.0.1 127.0.0.1 #f)", "(1 1)", "((name . <Ann>) (age . 7))",
                ], "\(site.text("error.log"))")
        }
    }

    @Test func `a page chooses status and fields, as in Spiffy`() async throws {
        try await Self.with("index: [index.ssp]") { caller, site in
            try site.write(
                "status.ssp",
                "lost<?scheme (send-status 404 \"Not found\" \"Sorry, page not found! Please try <a href='/'>our search page</a>\") ?>lost"
            )
            let status = try await caller.send("/status.ssp")
            #expect(status.status == 404 && status.text.contains("<h1>404 Not found</h1>"))
            #expect(status.text.contains("try <a href='/'>our search page</a>") && !status.text.contains("lost"))

            try site.write(
                "fields.ws",
                """
                (with-headers '((content-type text/plain) (x-list a "b" 3) (set-cookie #(("n" . "v") ((path . "/"))) "w=1"))
                  (lambda () (write-logged-response) (display "body" (response-port (current-response)))))
                #t
                """)
            let fields = try await caller.send("/fields.ws")
            #expect(fields.text == "body" && fields.field("Content-Type") == "text/plain; charset=utf-8")
            #expect(fields.field("X-List") == "a, b, 3")
            #expect(
                fields.fields.filter { $0.name == "Set-Cookie" || $0.name == "set-cookie" }.map(\.value) == [
                    "n=v; path=/", "w=1",
                ])

            try site.write(
                "plain.ssp", "x<?scheme (send-response code: 201 body: \"made\" headers: '((location \"/new\"))) ?>")
            let made = try await caller.send("/plain.ssp")
            #expect(made.status == 201 && made.text == "made" && made.field("Location") == "/new")

            try site.write(
                "index.ssp",
                "<?scheme (restart-request (update-request (current-request) uri: (uri-reference \"/to.ssp?q=%26\"))) ?>"
            )
            try site.write("to.ssp", "<? (uri-query (request-uri (current-request))) ?>")
            #expect(try await caller.text("/") == "((q . &))")
            try site.write("loop.ssp", "<?scheme (restart-request (current-request)) ?>")
            #expect(try await caller.status("/loop.ssp") == 500)
            try site.write(
                "gone.ssp", "gone<?scheme (current-response (update-response (current-response) code: 410)) ?>!")
            let gone = try await caller.send("/gone.ssp")
            #expect(gone.status == 410 && gone.text == "gone!")
            try site.write("file.txt", "a file")
            try site.write("send.ssp", "lost<?scheme (send-static-file \"file.txt\") ?>")
            let file = try await caller.send("/send.ssp")
            #expect(file.text == "a file" && file.field("Content-Type")?.hasPrefix("text/plain") ?? false)
        }
    }

    @Test func `what a client sent ends no field of the response`() async throws {
        try await Self.with { caller, site in
            try site.write(
                "a.ssp",
                """
                <?scheme (let ((to (cdr (assq 'to (uri-query (request-uri (current-request)))))))
                  (send-response code: 302 headers: `((location ,to)))) ?>
                """)
            let response = try await caller.send("/a.ssp?to=/x%0D%0ASet-Cookie:%20evil=1")
            #expect(response.status == 500 && response.field("Set-Cookie") == nil)
            #expect(try await caller.send("/a.ssp?to=/x").field("Location") == "/x")
            try site.write(
                "b.ssp",
                """
                <?scheme (let ((to (cdr (assq 'to (uri-query (request-uri (current-request)))))))
                  (current-response (update-response (current-response) headers: `((x-to . ,to))))) ?>
                """)
            let raw = try await caller.send("/b.ssp?to=/x%0ASet-Cookie:%20evil=1")
            #expect(raw.status == 500 && raw.field("Set-Cookie") == nil)
        }
    }

    @Test func `a request's body is read before its page is run, up to the limit`() async throws {
        try await Self.with("body: 100KiB") { caller, site in
            try site.write("a.ssp", "<? (string-length (cdar (read-urlencoded-request-data))) ?>")
            let form = { (count: Int) in Array("a=".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: count) }
            #expect(try await caller.send("/a.ssp", method: "POST", body: form(100_000)).text == "100000")
            #expect(try await caller.send("/a.ssp", method: "POST", body: form(103_000)).status == 413)
        }
    }

    @Test func `to HEAD a page answers a head only`() async throws {
        try await Self.with { caller, site in
            try site.write("a.ssp", "<? (request-method (current-request)) ?>")
            let response = try await caller.send("/a.ssp", method: "HEAD")
            #expect(response.status == 200 && response.body.isEmpty && response.field("Content-Length") == "4")
            #expect(try await caller.text("/a.ssp") == "GET")
        }
    }
}
