import Foundation
import Glibc
import Igropyr
import IgropyrSites
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct AccessFileTests {
    private static let yaml = "access-file: .access.yaml\nerror-log: error.log\n"

    @Test func `the first rewrite that fits counts, also one that leads to the same path`() async throws {
        let yaml = """
            rewrites:
              - {from: "/static/**", to: "/static/**"}
              - {from: "/app.sh/**", to: "/app.sh/**"}
              - {from: "/**", to: "/app.sh/**"}
            handlers: {sh: {cgi: {interpreter: /bin/sh}}}
            """
        try await withSite(yaml) { caller, site in
            try site.write("static/a b.txt", "static")
            try site.write("app.sh", "printf 'Content-Type: text/plain\\n\\n%s' \"$PATH_INFO\"")
            #expect(try await caller.text("/static/a%20b.txt") == "static")
            #expect(try await caller.text("/static/a%20b.txt?c=%20d") == "static")
            #expect(try await caller.status("/static/none") == 404)
            for (path, info) in [("/", "/"), ("/a%20b/c", "/a b/c"), ("/a/?d", "/a/"), ("/app.sh/x", "/x")] {
                #expect(try await caller.text(path) == info, "\(path)")
            }
        }
    }

    @Test func `a rate counts on all loops together, also while the file is new`() async throws {
        try await withSite("access-file: .access.yaml") { caller, site in
            try site.write("a.txt", "")
            try site.write(".access.yaml", "requests-per-second: 0.01\nrequest-burst: 5")
            let answers = try (0..<40).map { _ in try caller.exchange("GET", "/a.txt") }  // Each on its own connection.
            #expect(answers.count { $0.hasPrefix("HTTP/1.1 200 ") } == 5)
            #expect(answers.count { $0.hasPrefix("HTTP/1.1 429 ") } == 35)
        }
    }

    /// The manual's example: all is denied unless the request comes from localhost. All of 127.0.0.0/8 is ours here.
    @Test func `only those who may come get anything of a folder and what is below`() async throws {
        try await withSite(Self.yaml) { caller, site in
            for name in ["a.txt", "in/a.txt", "in/deep/a.txt"] { try site.write(name, name) }
            try site.write("in/.access.yaml", "allow: 10.0.0.0/8")
            #expect(try await caller.text("/a.txt") == "a.txt")
            for path in [
                "/in/a.txt", "/in/deep/a.txt", "/in/", "/in", "/in/none", "/in/deep/none/at/all", "/in/a.txt/x",
            ] {
                #expect(try await caller.status(path) == 403, "\(path)")
            }
            try site.write("in/.access.yaml", "allow: [10.0.0.0/8, 127.0.0.1]")
            #expect(try await caller.text("/in/deep/a.txt") == "in/deep/a.txt")
            try site.write("in/deep/.access.yaml", "deny: 127.0.0.0/8")
            #expect(try await caller.status("/in/deep/a.txt") == 403)
            #expect(try await caller.status("/in/a.txt") == 200)
        }
    }

    @Test func `a folder below cannot let in whom one above keeps out`() async throws {
        try await withSite(Self.yaml) { caller, site in
            try site.write("in/deep/a.txt", "a")
            try site.write("in/.access.yaml", "deny: 127.0.0.1")
            try site.write("in/deep/.access.yaml", "allow: 127.0.0.1")
            #expect(try await caller.status("/in/deep/a.txt") == 403)
        }
    }

    @Test func `the client is whom trusted proxies say, and nobody else is believed`() async throws {
        let forwarded = { @Sendable (value: String) in [("X-Forwarded-For", value)] }
        for isTrusted in [true, false] {
            let trust = isTrusted ? "trusted-proxies: [127.0.0.1, 192.0.2.0/24]\n" : ""
            try await withSite(trust + "allow: 10.0.0.0/8") { caller, site in
                try site.write("a.txt", "a")
                #expect(try await caller.status("/a.txt", forwarded("10.1.1.1")) == (isTrusted ? 200 : 403))
                #expect(try await caller.status("/a.txt", forwarded("10.1.1.1, 192.0.2.7")) == (isTrusted ? 200 : 403))
                #expect(try await caller.status("/a.txt", forwarded("10.1.1.1, 203.0.113.9")) == 403)
                #expect(try await caller.status("/a.txt") == 403)
            }
        }
    }

    @Test func `an access file is not sent, whatever its folder is called`() async throws {
        try await withSite("access-file: access.yaml") { caller, site in
            // The last one combines with what follows it.
            for (folder, path) in [("", ""), ("a/", "a/"), ("a\u{600}/", "a%D8%80/")] {
                try site.write("\(folder)access.yaml", "listing: true")
                try site.write("\(folder)a.txt", "a")
                #expect(try await caller.status("/\(path)a.txt") == 200)
                #expect(try await caller.status("/\(path)access.yaml") == 404)
            }
        }
    }

    @Test func `a name and its password let in, and nothing else does`() async throws {
        let hash = try await run(["openssl", "passwd", "-6", "open sesame"]).output.trimmingCharacters(in: .newlines)
        try await withSite(Self.yaml) { caller, site in
            try site.write("in/a.txt", "a")
            try site.write(
                "in/.access.yaml", "authentication: {basic: {realm: 'the \"cave\"', users: {ali: '\(hash)'}}}")
            let basic = { @Sendable (text: String) in
                [("Authorization", "Basic \(Data(text.utf8).base64EncodedString())")]
            }
            let refused = try await caller.send("/in/a.txt")
            #expect(refused.status == 401)
            #expect(refused.field("WWW-Authenticate") == "Basic realm=\"the \\\"cave\\\"\", charset=\"UTF-8\"")
            #expect(try await caller.text("/in/a.txt", basic("ali:open sesame")) == "a")
            #expect(try await caller.text("/in/a.txt", basic("ali:open sesame")) == "a")
            for wrong in ["ali:open", "baba:open sesame", "ali", ":", "ali:open sesame\0"] {
                #expect(try await caller.status("/in/a.txt", basic(wrong)) == 401, "\(wrong)")
            }
            try site.write("in/free/a.txt", "free")
            try site.write("in/free/.access.yaml", "authentication: off")
            #expect(try await caller.text("/in/free/a.txt") == "free")
        }
    }

    @Test func `a token lets in`() async throws {
        let hash = try await run(["sha256sum"], input: "t0ken").output.prefix(64)
        try await withSite(Self.yaml) { caller, site in
            try site.write("a.txt", "a")
            try site.write(".access.yaml", "authentication: {bearer: {tokens: {ci: 'sha256:\(hash)'}}}")
            #expect(try await caller.text("/a.txt", [("Authorization", "Bearer t0ken")]) == "a")
            let wrong = try await caller.send("/a.txt", [("Authorization", "Bearer other")])
            #expect(wrong.status == 401 && wrong.field("WWW-Authenticate") == "Bearer error=\"invalid_token\"")
            #expect(try await caller.send("/a.txt").field("WWW-Authenticate") == "Bearer")
        }
    }

    @Test func `all that a site may say a folder may say for itself`() async throws {
        try await withSite(Self.yaml) { caller, site in
            for name in ["in/start.htm", "in/a.txt", "in/b.zzz", "in/run.say", "c.txt"] { try site.write(name, name) }
            try site.write(
                "in/.access.yaml",
                """
                index: [start.htm]
                types: {zzz: text/x-zzz}
                headers: {X-Folder: "in", Content-Language: cy}
                cache-control: no-store
                redirects: [{from: /in/old/*, to: /in/*, status: 307}]
                rewrites: [{from: /in/short, to: /in/a.txt}]
                handlers: {say: {cgi: {interpreter: /bin/sh}}}
                """)
            try site.write("in/run.say", "echo Content-Type: text/plain; echo; echo said")
            let index = try await caller.send("/in/")
            #expect(index.text == "in/start.htm" && index.field("X-Folder") == "in")
            #expect(index.field("Cache-Control") == "no-store" && index.field("Content-Language") == "cy")
            #expect(try await caller.send("/in/b.zzz").field("Content-Type") == "text/x-zzz")
            let redirect = try await caller.send("/in/old/x%20y?q=1")
            #expect(redirect.status == 307 && redirect.field("Location") == "/in/x%20y?q=1")
            #expect(try await caller.text("/in/short") == "in/a.txt")
            #expect(try await caller.text("/in/run.say") == "said\n")
            #expect(try await caller.send("/c.txt").field("X-Folder") == nil)
            try site.write("in/.access.yaml", "listing: {dotfiles: true}\nindex: []\ndotfiles: true")
            let page = try await caller.text("/in/")
            #expect(page.contains("a.txt") && !page.contains(".access.yaml"))
        }
    }

    @Test func `a change is seen at once, whichever loop is asked`() async throws {
        try await withSite(Self.yaml) { caller, site in
            try site.write("a.txt", "a")
            for round in 0..<20 {
                try site.write(".access.yaml", "headers: {X-Round: \"\(round)\"}")
                for _ in 0..<4 {
                    let response = try await caller.send("/a.txt", [("Connection", "close")])
                    #expect(response.field("X-Round") == "\(round)")
                }
            }
            try FileManager.default.removeItem(atPath: site.web + "/.access.yaml")
            #expect(try await caller.send("/a.txt").field("X-Round") == nil)
        }
    }

    @Test func `one that has long been the same is kept, and a newer one is not missed`() async throws {
        try await withSite(Self.yaml) { caller, site in
            try site.write("a.txt", "a")
            try site.write(".access.yaml", "headers: {X-Round: \"1\"}")
            try await eventually("older than the file system's clock can blur") {
                var status = stat()
                stat(site.web + "/.access.yaml", &status)
                return status.st_ctim.tv_sec + 3 <= time(nil)
            }
            for _ in 0..<3 { #expect(try await caller.send("/a.txt").field("X-Round") == "1") }
            try site.write(".access.yaml", "headers: {X-Round: \"2\"}")
            #expect(try await caller.send("/a.txt").field("X-Round") == "2")
        }
    }

    @Test func `a broken one denies all it governs, and the log names file and line`() async throws {
        try await withSite(Self.yaml) { caller, site in
            for name in ["a.txt", "in/a.txt"] { try site.write(name, "a") }
            try site.write("in/.access.yaml", "index: [a]\ndenny: 10.0.0.0/8")
            #expect(try await caller.status("/in/a.txt") == 500)
            #expect(try await caller.status("/in/none") == 500)
            #expect(try await caller.status("/a.txt") == 200)
            try await eventually("the log's line") {
                site.text("error.log").contains("in/.access.yaml:2:1: unknown key")
            }
            try site.write("in/.access.yaml", "index: [a]")
            #expect(try await caller.status("/in/a.txt") == 200)
        }
    }

    @Test func `what is there in an access file's place and cannot be read denies, too`() async throws {
        try await withSite(Self.yaml) { caller, site in
            try site.write("link/a.txt", "a")
            try site.link("link/.access.yaml", to: "../none")
            try site.write("folder/a.txt", "a")
            try site.write("folder/.access.yaml/x", "x")
            try site.write("big/a.txt", "a")
            try site.write("big/.access.yaml", "index: []\n" + String(repeating: "#", count: 70_000))
            for folder in ["link", "folder", "big"] {
                #expect(try await caller.status("/\(folder)/a.txt") == 500, "\(folder)")
            }
        }
    }

    @Test func `a rewrite without end is an error, and one to itself is none`() async throws {
        try await withSite("rewrites: [{from: /a/**, to: /b/*}, {from: /b/**, to: /a/*}, {from: /c/**, to: /c/*}]") {
            caller, site in
            try site.write("c/x", "c")
            #expect(try await caller.status("/a/x") == 500)
            #expect(try await caller.text("/c/x") == "c")
        }
    }

    @Test func `a body larger than the folder allows is refused`() async throws {
        try await withSite("body: 10\nhandlers: {sh: {cgi: {interpreter: /bin/sh}}}") { caller, site in
            try site.write("a.sh", "echo Content-Type: text/plain; echo; wc -c")
            #expect(try await caller.send("/a.sh", method: "POST", body: Array("0123456789".utf8)).status == 200)
            #expect(try await caller.send("/a.sh", method: "POST", body: Array("01234567890".utf8)).status == 413)
        }
    }
}
