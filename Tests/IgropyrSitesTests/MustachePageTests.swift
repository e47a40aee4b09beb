import Foundation
@testable import IgropyrSites
import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct MustachePageTests {
    private static func with(
        _ more: String = "", _ body: @escaping @Sendable (SiteCaller, SiteFixture) async throws -> Void
    ) async throws {
        try await withSite("error-log: error.log\nhandlers: {mustache: mustache}\n" + more, body)
    }

    @Test func `a template is filled with the request, escaped`() async throws {
        try await Self.with { caller, site in
            try site.write(
                "a.mustache",
                """
                {{request.method}} {{request.path}} {{request.host}} {{request.query.q}} {{request.headers.x-one}}
                {{request.cookies.c}} {{request.form.name}}{{#request.user}}user{{/request.user}}{{^request.user}}nobody{{/request.user}}
                """)
            let response = try await caller.send(
                "/a.mustache?q=%3Cb%3E&q=2",
                [
                    ("Host", "site.test"), ("X-One", "1"), ("X-One", "<2>"), ("Cookie", "c=d"),
                    ("Content-Type", "application/x-www-form-urlencoded"),
                ], method: "POST", body: Array("name=%22Ann%22".utf8))
            #expect(
                response.text
                    == "POST /a.mustache site.test &lt;b&gt; 1, &lt;2&gt;\nd &quot;Ann&quot;nobody",
                "\(site.text("error.log"))")
            #expect(response.field("Content-Type") == "text/html; charset=utf-8")
            let refused = try await caller.send("/a.mustache", method: "PUT", body: [1])
            #expect(refused.status == 405 && refused.field("Allow") == "GET, HEAD, OPTIONS, POST")
        }
    }

    @Test func `a quote is escaped whatever follows it`() async throws {
        try await Self.with { caller, site in
            try site.write("a.mustache", "<a title=\"{{request.query.q}}\">{{> p}}")
            try site.write("p.mustache", "{{request.query.q}}")
            let text = try await caller.text("/a.mustache?q=%22%CC%81%20onclick=x")
            #expect(text == "<a title=\"&quot;\u{301} onclick=x\">&quot;\u{301} onclick=x")
        }
    }

    private static let data: [(name: String, text: String)] = [
        ("a.mustache.yaml", "title: Fish & chips\nhot: false\nempty:\nitems:\n  - {name: 1.10}\n  - {name: two}\n"),
        (
            "a.mustache.json",
            #"{"title": "Fish \u0026 chips", "hot": false, "empty": null, "items": [{"name": "1.10"}, {"name": "two"}]}"#
        ),
    ]

    @Test(arguments: data) func `data stand beside the template`(name: String, text: String) async throws {
        try await Self.with { caller, site in
            try site.write(
                "a.mustache", "{{title}}:{{#items}} {{name}}{{/items}}{{#hot}}!{{/hot}}{{^empty}}.{{/empty}}")
            try site.write(name, text)
            #expect(try await caller.text("/a.mustache") == "Fish &amp; chips: 1.10 two.", "\(site.text("error.log"))")
            #expect(try await caller.status("/" + name) == 404)
        }
    }

    @Test func `partials are put in, and a change of any file is seen by the next request`() async throws {
        try await Self.with { caller, site in
            try site.write("sub/a.mustache", "{{> part}} {{>/all}} {{x}}")
            try site.write("sub/part.mustache", "part")
            try site.write("all.mustache", "all")
            #expect(try await caller.text("/sub/a.mustache") == "part all ")
            try site.write("sub/a.mustache.yaml", "x: 1")
            #expect(try await caller.text("/sub/a.mustache") == "part all 1")
            try site.write("all.mustache", "ALL")
            #expect(try await caller.text("/sub/a.mustache") == "part ALL 1")
            try site.write("sub/a.mustache.yaml", "x: 2")
            #expect(try await caller.text("/sub/a.mustache") == "part ALL 2")
            try FileManager.default.removeItem(atPath: site.web + "/sub/a.mustache.yaml")
            #expect(try await caller.text("/sub/a.mustache") == "part ALL ")
        }
    }

    private static let mistakes: [(template: String, says: String)] = [
        ("1\n{{#open}}", "m.mustache:2:"), ("{{> none}}", "none.mustache"),
        ("{{> ../up}}", "no partial can be called ../up"),
        ("{{> m}}", "the partial m is within itself"), ("{{> b}}", "the partial b is within itself"),
        ("{{=<% %>=}}<%> m%>", "cannot be changed"), ("{{> *name}}", "has to be written out"),
        ("{{< m}}{{/m}}", "inheritance"), (String(repeating: "{{#a}}", count: 5000), "within each other"),
        ("{{> w0}}", "put in more than"),
    ]

    @Test func `a template that cannot be filled is 500, and the log says why`() async throws {
        try await Self.with { caller, site in
            try site.write("up.mustache", "up")
            try site.write("sub/b.mustache", "{{> b}}")
            for level in 0..<20 { try site.write("sub/w\(level).mustache", "{{> w\(level + 1)}}{{> w\(level + 1)}}") }
            try site.write("sub/w20.mustache", "w")
            for mistake in Self.mistakes {
                try site.write("sub/m.mustache", mistake.template)
                let response = try await caller.send("/sub/m.mustache")
                #expect(response.status == 500 && !response.text.contains("{{"), "\(mistake.says)")
                try await eventually("\(mistake.says)") { site.text("error.log").contains(mistake.says) }
            }
            try site.write("c.mustache", "{{title}}")
            try site.write("c.mustache.yaml", "title: &x 1")
            #expect(try await caller.status("/c.mustache") == 500)
            try await eventually("the line") { site.text("error.log").contains("c.mustache.yaml:1:") }
        }
    }

    @Test func `in development a broken template says what is wrong`() async throws {
        try await Self.with("development: true") { caller, site in
            try site.write("m.mustache", "1\n{{#open}}")
            let response = try await caller.send("/m.mustache")
            #expect(response.status == 500 && response.text.contains("m.mustache:2:"), "\(response.text)")
        }
    }

    /// What a file is while it is written, and what a slip of the pen makes of it.
    @Test func `a template cut anywhere, or full of odd tags, is filled or refused`() throws {
        let fixture = try SiteFixture()
        defer { fixture.remove() }
        let (folder, pages) = (try Folder(fixture.web), MustachePages())
        let whole = """
            {{! comment }}{{#a.b}} {{x}} {{/a.b}}{{^c}}{{{y}}}{{&z}}{{/c}}
              {{> p}}
            {{$block}}default{{/block}}{{% CONTENT_TYPE:TEXT}}{{upper(x)}}{{.}}
            """
        try fixture.write("p.mustache", "{{x}}")
        var templates = whole.indices.map { String(whole[..<$0]) }
        var random = SplitMix(seed: 7)
        let parts = [
            "{{", "}}", "{", "}", "#", "^", "/", "$", "!", "&", ">", "%", "a", ".", "(", ")", " ", "\n", "\r\n", "é",
            ":",
        ]
        for _ in 0..<2000 {
            let count = Int.random(in: 1...24, using: &random)
            templates.append((0..<count).map { _ in parts.randomElement(using: &random) ?? "" }.joined())
        }
        var filled = 0
        for template in templates {
            try fixture.write("t.mustache", template)
            guard let page = try? pages.page("t.mustache", in: folder) else { continue }
            _ = page.render(["x": "1"])
            filled += 1
        }
        #expect(filled > 100 && filled < templates.count)
    }
}
