import Foundation
import Igropyr
import IgropyrSites
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct SiteTests {
    @Test func `files have their types, and what has none has the default`() async throws {
        try await withSite(
            """
            types: {gltf: model/gltf+json, "": text/plain}
            default-type: application/x-unknown
            """
        ) { caller, site in
            for name in ["a.html", "a.gltf", "a.qqq", "README"] { try site.write(name, "content") }
            let types = try await ["a.html", "a.gltf", "a.qqq", "README"].asyncMap {
                try await caller.send("/" + $0).field("Content-Type")
            }
            #expect(types == ["text/html; charset=utf-8", "model/gltf+json", "application/x-unknown", "text/plain"])
        }
    }

    @Test func `a folder is its first index file, and without one it is forbidden`() async throws {
        try await withSite("index: [start.html, index.xhtml]") { caller, site in
            try site.write("a/index.xhtml", "second")
            try site.write("b/index.html", "none")
            #expect(try await caller.text("/a/") == "second")
            try site.write("a/start.html", "first")
            #expect(try await caller.text("/a/") == "first")
            #expect(try await caller.status("/b/") == 403)
            let redirect = try await caller.send("/a?x=1")
            #expect(redirect.status == 308 && redirect.field("Location") == "/a/?x=1")
        }
    }

    /// The manual's example: a host for one name, and one for all others, each with handlers and a root of its own.
    @Test func `hosts differ in all they set, and have the rest in common`() async throws {
        try await withSite(
            """
            headers: {X-Site: both}
            hosts:
              - name: '~ foo\\.bar\\.com'
                root: web/foo.bar.com
                types: {ssp: text/x-ssp}
              - name: ["*.example.org", example.org]
                root: web/other
                index: [other.html]
                headers: {X-Host: other}
            """
        ) { caller, site in
            try site.write("index.html", "base")
            try site.write("foo.bar.com/index.html", "foo")
            try site.write("foo.bar.com/page.ssp", "page")
            try site.write("other/other.html", "other")
            let host = { @Sendable (name: String) in [("Host", name)] }
            #expect(try await caller.text("/", host("FOO.bar.com:8080")) == "foo")
            #expect(try await caller.send("/page.ssp", host("foo.bar.com")).field("Content-Type") == "text/x-ssp")
            #expect(try await caller.text("/", host("xfoo.bar.com")) == "base")
            for name in ["a.b.example.org", "example.org"] {
                let response = try await caller.send("/", host(name))
                #expect(response.text == "other")
                #expect(response.field("X-Host") == "other" && response.field("X-Site") == "both")
            }
            #expect(try await caller.text("/", host("notexample.org")) == "base")
        }
    }

    @Test func `the default host answers for names that no host has`() async throws {
        try await withSite(
            """
            default-host: b.test
            hosts:
              - {name: a.test, root: web/a}
              - {name: b.test, root: web/b}
            """
        ) { caller, site in
            for name in ["a", "b"] { try site.write("\(name)/index.html", name) }
            #expect(try await caller.text("/", [("Host", "a.test")]) == "a")
            #expect(try await caller.text("/", [("Host", "c.test")]) == "b")
        }
    }

    @Test func `the server has the name it is given, or none`() async throws {
        for (setting, name) in [("Spiffy/5.0", "Spiffy/5.0"), ("off", nil)] {
            try await withSite("server-name: \(setting)") { caller, _ in
                let response = try await caller.send("/")
                #expect(response.field("Server") == name)
            }
        }
    }

    @Test func `other methods than those of files are refused for files`() async throws {
        try await withSite { caller, site in
            try site.write("a.txt", "a")
            let response = try await caller.send("/a.txt", method: "POST", body: [1])
            #expect(response.status == 405 && response.field("Allow") == "GET, HEAD, OPTIONS")
            let refusal = try caller.exchange("PROPFIND", "/a.txt")
            #expect(refusal.hasPrefix("HTTP/1.1 405 ") && refusal.contains("\r\nAllow: GET, HEAD, OPTIONS\r\n"))
            #expect(try await caller.send("/a.txt", method: "OPTIONS").status == 204)
            let head = try await caller.send("/a.txt", method: "HEAD")
            #expect(head.status == 200 && head.body.isEmpty && head.field("Content-Length") == "1")
        }
    }

    @Test func `programs answer in place of the site, or leave it to it`() async throws {
        try await withSite(change: { site in
            site.events.directory = { call in Response(text: "folder \(call.file)") }
            site.events.file = { call in
                call.file.hasSuffix(".x") ? Response(text: "\(call.file) \(call.pathInfo)") : nil
            }
            site.events.notFound = { call in Response(.gone, text: "no \(call.file)") }
            site.events.exception = { error, _ in Response(.internalServerError, text: "\(error)") }
            site.base.rules.handlers["err"] = .custom { _ in throw Odd() }
            site.base.rules.handlers["fine"] = .custom { _ in throw HTTPFailure(.ok) }
            site.base.rules.handlers["again"] = .custom { _ in throw RestartRequest(path: "/a.txt?x") }
            site.base.rules.handlers["loop"] = .custom { _ in throw RestartRequest(path: "/a.loop") }
        }) { caller, site in
            let names = ["a.txt", "a.x", "a.err", "a.fine", "a.again", "a.loop", "sub/b.txt"]
            for name in names { try site.write(name, name) }
            #expect(try await caller.text("/sub/") == "folder sub")
            #expect(try await caller.text("/a.x/b/c%20d") == "a.x [\"b\", \"c d\"]")
            #expect(try await caller.text("/a.txt") == "a.txt")
            #expect(try await caller.send("/none").text == "no none")
            #expect(try await caller.text("/a.err").contains("Odd"))
            #expect(try await caller.text("/a.fine").contains("200 is no failure"))
            #expect(try await caller.text("/a.again") == "a.txt")
            #expect(try await caller.status("/a.loop") == 500)
        }
    }

    private struct Odd: Error {}

    @Test func `pages for statuses are the site's own`() async throws {
        try await withSite("status-pages: {404: /errors/404.html}") { caller, site in
            try site.write("errors/404.html", "Sorry")
            let response = try await caller.send("/none")
            #expect(response.status == 404 && response.text == "Sorry" && response.field("ETag") == nil)
        }
    }

    private static let attacks = [
        "/../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/a/..%2f..%2foutside.txt",
        "/%2e%2e%2foutside.txt",
        "/..%5coutside.txt", "/..\\outside.txt", "/%252e%252e/outside.txt", "/%c0%ae%c0%ae/outside.txt",
        "/%e0%80%ae%e0%80%ae/outside.txt", "/%c0%af..%c0%afoutside.txt", "/a.txt%00.html", "/a.txt%00", "/%ff",
        "//outside.txt", "/./a.txt", "/a.txt/../a.txt", "/out/outside.txt", "/out.txt", "/.secret", "/sub/.secret",
        "/a.txt/..%2f..%2f", "/.access.yaml", "/sub/.access.yaml", "/.access.yaml/", "/.access.yaml/x",
        "/%2eaccess.yaml", "/sub/.%cc%81secret", "/.%cc%81secret", "/.well-known/.secret",
    ]

    @Test(arguments: ["refused", "within"], [false, true]) func `no path leads out of the root or to what is hidden`(
        links: String, dotfiles: Bool
    ) async throws {
        let attacks = dotfiles ? Self.attacks.filter { !$0.contains("secret") } : Self.attacks
        try await withSite("symlinks: \(links)\naccess-file: .access.yaml\ndotfiles: \(dotfiles)") { caller, site in
            try site.write("a.txt", "inside")
            try site.write("../outside.txt", "outside")
            for name in [".secret", "sub/.secret", "sub/.\u{301}secret", ".\u{301}secret", ".well-known/.secret"] {
                try site.write(name, "outside")
            }
            try site.write(".well-known/b.txt", "known")
            for name in [".access.yaml", "sub/.access.yaml"] { try site.write(name, "body: 1KiB  # outside") }
            try site.link("out", to: "..")
            try site.link("out.txt", to: "../outside.txt")
            for attack in attacks {
                let response = try await caller.send(attack)
                #expect([400, 404].contains(response.status), "\(attack)")
                #expect(!response.text.contains("outside"), "\(attack)")
            }
            #expect(try await caller.text("/a.txt") == "inside")
            #expect(try await caller.text("/.well-known/b.txt") == "known")
        }
    }

    @Test func `several slashes are one, and an escaped one is as good as another`() async throws {
        try await withSite("access-file: .access.yaml") { caller, site in
            for name in ["index.html", "a/index.html", "a/b.txt"] { try site.write(name, name) }
            try site.write("kept/.access.yaml", "deny: 127.0.0.1")
            try site.write("kept/c.txt", "")
            for (path, file) in [
                ("//", "index.html"), ("//a//b.txt", "a/b.txt"), ("/a%2Fb.txt", "a/b.txt"), ("/a%2F", "a/index.html"),
                ("/%2f%2fa/%2Fb.txt", "a/b.txt"),
            ] { #expect(try await caller.text(path) == file, "\(path)") }
            #expect(try await caller.send("//a").field("Location") == "/a/")
            for path in ["//kept//c.txt", "/kept%2Fc.txt", "/%2Fkept/c.txt"] {
                #expect(try await caller.status(path) == 403, "\(path)")
            }
        }
    }

    @Test func `links are followed wherever they lead, if that is said, and paths still lead nowhere`() async throws {
        try await withSite("symlinks: followed\nindex: [index.html]\naccess-file: .access.yaml") { caller, site in
            try site.write("../share/lib/a.txt", "shared")
            try site.write("../share/index.html", "index")
            try site.link("lib", to: "../share/lib")
            try site.link("whole", to: site.path + "/share")
            try site.write("kept/.access.yaml", "deny: 127.0.0.1")
            try site.link("kept/lib", to: "../../share/lib")
            #expect(try await caller.text("/lib/a.txt") == "shared")
            #expect(try await caller.text("/whole/lib/a.txt") == "shared")
            #expect(try await caller.text("/whole/") == "index")
            #expect(try await caller.status("/kept/lib/a.txt") == 403)
            for path in ["/../share/index.html", "/lib/..%2f..%2fshare/index.html", "/%2e%2e/share/index.html"] {
                #expect([400, 404].contains(try await caller.status(path)), "\(path)")
            }
        }
    }

    private static let authorities = [
        ("a.test", "a.test"), ("A.Test:8080", "a.test"), ("[::1]", "[::1]"), ("[FE80::1]:80", "[fe80::1]"),
        ("a.test.", "a.test"), ("a.test.:80", "a.test"), (".", "."),
    ]

    @Test(arguments: authorities) func `a host's name is told in lower case, without the port or a dot at its end`(
        authority: String, name: String
    ) async throws {
        try await withSite(change: { site in
            site.base.rules.handlers["who"] = .custom { call in Response(text: call.hostName) }
        }) { caller, site in
            try site.write("a.who", "")
            #expect(try await caller.text("/a.who", [("Host", authority)]) == name)
        }
    }

    /// The last one combines with the slash behind it.
    @Test(arguments: ["a", "\u{e4}\u{e4}", "a\u{600}"])
    func `the site's own file is never served, though it lies in the root`(folder: String) async throws {
        let fixture = try SiteFixture()
        defer { fixture.remove() }
        let yaml = "root: .\nlisting: true"
        try fixture.write("../\(folder)/site.yaml", yaml)
        try fixture.write("../\(folder)/a.txt", "a")
        let site = try Site(Array(yaml.utf8), file: "\(fixture.path)/\(folder)/site.yaml")
        try await serve(site) { caller async throws in
            #expect(try await caller.text("/a.txt") == "a")
            #expect(try await caller.status("/site.yaml") == 404)
            #expect(try await !caller.text("/").contains("site.yaml"))
        }
    }

    @Test func `each host has its logs, which are opened anew on demand`() async throws {
        try await withSite(
            """
            access-log: {file: all.log, format: common}
            error-log: error.log
            hosts:
              - {name: own.test, access-log: own.log, error-log: own-error.log}
              - {name: quiet.test, access-log: off}
            """,
            change: { site in
                for index in site.hosts.indices {
                    site.hosts[index].rules.handlers["err"] = .custom { _ in throw Odd() }
                }
            }
        ) { caller, site in
            try site.write("a.err", "")
            _ = try await caller.send("/first")
            _ = try await caller.send("/a.err", [("Host", "own.test")])
            _ = try await caller.send("/unseen", [("Host", "quiet.test")])
            try await eventually("each line in its log") {
                site.text("all.log").contains("GET /first HTTP/1.1\" 404")
                    && site.text("own.log").contains("/a.err HTTP/1.1\" 500")
                    && site.text("own-error.log").contains("a request failed")
            }
            try FileManager.default.moveItem(atPath: site.path + "/all.log", toPath: site.path + "/all.log.1")
            try FileManager.default.moveItem(atPath: site.path + "/own-error.log", toPath: site.path + "/old.log")
            caller.running.reopenLogs()
            try await eventually("new files") {
                _ = try await caller.send("/second")
                _ = try await caller.send("/a.err", [("Host", "own.test")])
                return site.text("all.log").contains("/second")
                    && site.text("own-error.log").contains("a request failed")
            }
            #expect(!site.text("all.log").contains("/first") && !site.text("all.log").contains("/unseen"))
        }
    }

    @Test func `a log that cannot be opened anew is named, and its lines go on to the old file`() async throws {
        try await withSite("access-log: all.log\nerror-log: error.log") { caller, site in
            try FileManager.default.moveItem(atPath: site.path + "/all.log", toPath: site.path + "/old.log")
            try FileManager.default.createDirectory(atPath: site.path + "/all.log", withIntermediateDirectories: false)
            caller.running.reopenLogs()
            try await eventually("it is said") {
                site.text("error.log").contains("go on to the old file (file=\(site.path)/all.log, reason=")
            }
            _ = try await caller.send("/after")
            try await eventually("the line") { site.text("old.log").contains("/after") }
        }
    }

    @Test func `a program makes the lines of the access log`() async throws {
        try await withSite(
            "access-log: access.log",
            change: { site in
                site.events.accessLogLine = { summary in
                    summary.request.path == "/silent" ? nil : "\(summary.request.path) was \(summary.status)"
                }
            }
        ) { caller, site in
            _ = try await caller.send("/silent")
            _ = try await caller.send("/loud")
            try await eventually("the line") { site.text("access.log") == "/loud was 404\n" }
        }
    }
}

extension Sequence {
    func asyncMap<Result>(_ body: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await body(element)) }
        return results
    }
}
