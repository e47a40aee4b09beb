import Foundation
import Igropyr
import IgropyrConfiguration
import IgropyrSites
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct PathRulesTests {
    private static let variables = """
        printf 'Content-Type: text/plain\\n\\n'; echo "$REQUEST_METHOD $REQUEST_URI ${REMOTE_USER-nobody} $(wc -c)"
        """

    private static func authorization(_ text: String) -> [(String, String)] {
        [("Authorization", "Basic " + Data(text.utf8).base64EncodedString())]
    }

    @Test func `what is said of a path counts for all behind it, there or not, and for its fallback`() async throws {
        let yaml = """
            access-file: .access.yaml
            handlers: {sh: {cgi: {interpreter: /bin/sh}}}
            fallback: /index.sh
            body: 10
            headers: {X-Where: top}
            paths:
              /admin/:
                authentication: {basic: {users: {ann: '$5$salt$kpa26zwgX83BPSR8d7w93OIXbFt/d3UOTZaAu5vsTM6'}}}
                headers: {X-Where: admin}
              /admin/upload: {body: 1MB}
              /only.txt: {deny: [0.0.0.0/0, "::/0"]}
              /real: {headers: {X-Where: path}}
              /files: {handlers: {sh: file}, refuse: {"*.sh": 403}, index: [], headers: {X-Where: files}}
            """
        try await withSite(yaml) { caller, site in
            try site.write("index.sh", Self.variables)
            for file in ["only.txt", "only.txt.bak", "administration", "real/a.txt", "real/deep/a.txt"] {
                try site.write(file, file)
            }
            try site.write("real/deep/.access.yaml", "headers: {X-Where: file}")
            let ann = Self.authorization("ann:secret")
            func where_(_ path: String, _ fields: [(String, String)] = []) async throws -> String {
                let response = try await caller.send(path, fields)
                return "\(response.status) \(response.field("X-Where") ?? "-")"
            }
            #expect(try await where_("/none") == "200 top")
            #expect(try await where_("/admin") == "401 admin")
            #expect(try await where_("/admin/x/y") == "401 admin")
            #expect(try await where_("/admin/x/y", ann) == "200 admin")
            #expect(try await caller.text("/admin/x", ann) == "GET /admin/x ann 0\n")
            #expect(try await where_("/administration") == "200 top")
            #expect(try await where_("/only.txt") == "403 top")
            #expect(try await where_("/only.txt.bak") == "200 top")
            #expect(try await where_("/real/a.txt") == "200 path")
            #expect(try await where_("/real/deep/a.txt") == "200 file")
            // What is said of files is not for the fallback's.
            #expect(try await caller.text("/files/none") == "GET /files/none nobody 0\n")
            #expect(try await where_("/files/none") == "200 files")
            let body = [UInt8](repeating: 1, count: 1000)
            for (path, status) in [("/x", 413), ("/admin/x", 413), ("/admin/upload", 200), ("/admin/upload/x", 200)] {
                #expect(try await caller.send(path, ann, method: "POST", body: body).status == status, "\(path)")
            }
        }
    }

    @Test func `what is said of a path goes before the root's access file for its fallback, too`() async throws {
        let yaml = """
            access-file: .access.yaml
            handlers: {sh: {cgi: {interpreter: /bin/sh}}}
            fallback: /index.sh
            paths:
              /upload: {body: 1MB, headers: {X-Where: path}, authentication: off}
            """
        try await withSite(yaml) { caller, site in
            try site.write("index.sh", Self.variables)
            let user = "{basic: {users: {ann: '$5$salt$kpa26zwgX83BPSR8d7w93OIXbFt/d3UOTZaAu5vsTM6'}}}"
            try site.write(".access.yaml", "body: 10\nheaders: {X-Where: file}\nauthentication: \(user)")
            let body = [UInt8](repeating: 1, count: 1000)
            let response = try await caller.send("/upload/x", method: "POST", body: body)
            #expect(response.status == 200 && response.field("X-Where") == "path")
            #expect(response.text == "POST /upload/x nobody 1000\n")
            let other = try await caller.send("/x", Self.authorization("ann:secret"), method: "POST", body: body)
            #expect(other.status == 413 && other.field("X-Where") == "file")
            #expect(try await caller.status("/x") == 401)
        }
    }

    @Test func `a host has the paths of the whole site, and its own in their place`() async throws {
        let yaml = """
            paths: {/a: {headers: {X-A: site}}, /b: {headers: {X-A: site}}}
            hosts: [{name: one.test, root: web, paths: {/b: {headers: {X-A: host}}}}]
            """
        try await withSite(yaml) { caller, site in
            for file in ["a", "b"] { try site.write(file, "") }
            for (host, path, value) in [
                ("two.test", "/b", "site"), ("one.test", "/a", "site"), ("one.test", "/b", "host"),
            ] { #expect(try await caller.send(path, [("Host", host)]).field("X-A") == value) }
        }
    }

    private static let refused: [(path: String, status: Int)] = [
        ("/", 200), ("/a.sql", 404), ("/deep/in/B.SQL", 404), ("/a.sqlite", 200), ("/uploads/a.txt", 200),
        ("/uploads/x.sh", 403), ("/uploads/x.SH", 403), ("/uploads/in/x.sh", 403), ("/uploads/x.sh/info", 403),
        ("/uploads/in/", 403), ("/x.sh", 200), ("/old", 200), ("/old/", 410), ("/old/none/at/all", 410),
        ("/uploads%2Fx.sh", 403), ("//uploads//x.sh", 403), ("/uploads/x%2Esh", 403),
    ]

    @Test func `what is refused is, however it is asked for`() async throws {
        let yaml = """
            access-file: .access.yaml
            index: [index.html, index.sh]
            handlers: {sh: {cgi: {interpreter: /bin/sh}}}
            status-pages: {410: /gone.html, 503: /gone.html}
            refuse: {"*.sql": 404, /uploads/**/*.sh: 403, "old/**": 410}
            """
        try await withSite(yaml) { caller, site in
            for file in ["index.html", "a.sql", "deep/in/B.SQL", "a.sqlite", "uploads/a.txt", "old"] {
                try site.write(file, file)
            }
            for file in ["uploads/x.sh", "uploads/x.SH", "uploads/in/x.sh", "uploads/in/index.sh", "x.sh"] {
                try site.write(file, Self.variables)
            }
            try site.write("gone.html", "gone for good")
            for (path, status) in Self.refused { #expect(try await caller.status(path) == status, "\(path)") }
            #expect(try await caller.text("/old/x") == "gone for good")
            #expect(try await caller.text("/uploads/x.sh") == "Forbidden\n")
            // Maintenance: seen by the next request, and over with the file.
            try site.write(".access.yaml", "refuse: {'**': 503}\nheaders: {Retry-After: '600'}")
            let response = try await caller.send("/x.sh", method: "POST")
            #expect(response.status == 503 && response.field("Retry-After") == "600")
            #expect(response.text == "gone for good")
            #expect(try await caller.status("/") == 503)
            try FileManager.default.removeItem(atPath: site.web + "/.access.yaml")
            #expect(try await caller.status("/") == 200)
        }
    }

    @Test func `a front controller can be kept from being asked behind its own name`() async throws {
        let yaml = """
            handlers: {sh: {cgi: {interpreter: /bin/sh}}}
            fallback: /index.sh
            refuse: {"index.sh/**": 404}
            """
        try await withSite(yaml) { caller, site in
            try site.write("index.sh", Self.variables)
            for (path, status) in [
                ("/admin", 200), ("/index.sh", 200), ("/index.sh/admin", 404), ("/index.sh/", 404),
                ("/%69ndex.sh/admin", 404), ("/index.sh//admin", 404),
            ] { #expect(try await caller.status(path) == status, "\(path)") }
        }
    }

    @Test func `a client that asks too often for a path is told so, and a fallback counts once`() async throws {
        let yaml = """
            fallback: /index.html
            paths: {/login: {requests-per-second: 0.01, request-burst: 3}}
            """
        try await withSite(yaml) { caller, site in
            try site.write("index.html", "")
            var statuses: [Int] = []
            for path in ["/login", "/login/x", "/login", "/login", "/other"] {
                statuses.append(try await caller.status(path))
            }
            #expect(statuses == [200, 200, 200, 429, 200])
            #expect(try await caller.send("/login").field("Retry-After") != nil)
        }
    }

    private static let named: [(field: String, status: Int)] = [
        ("X-Accel-Redirect: /kept/a%20b.txt?q", 200), ("X-Sendfile: STORE/a b.txt", 200),
        ("X-Sendfile: STORE/\u{301}d.txt", 200), ("X-Accel-Redirect: /kept/.deep/c.txt", 200),
        ("X-Accel-Redirect: /kept/none", 404),
        ("X-Accel-Redirect: /kept/%2e%2e/web/run.sh", 404), ("X-Accel-Redirect: /kept/../web/run.sh", 404),
        ("X-Accel-Redirect: /kept/.deep", 404), ("X-Accel-Redirect: /kept", 404), ("X-Accel-Redirect: /run.sh", 404),
        ("X-Sendfile: /etc/passwd", 404), ("X-Sendfile: STORE/../web/run.sh", 404), ("X-Sendfile: STOREs/x", 404),
        ("X-Sendfile: STORE/out", 404), ("X-Other: 1", 200),
    ]

    @Test func `a program has files sent from where it may, with its own fields`() async throws {
        let yaml = """
            error-log: error.log
            handlers: {sh: {cgi: {interpreter: /bin/sh}}}
            send-files: {/kept/: store}
            """
        try await withSite(yaml) { caller, site in
            let store = site.path + "/store"
            try FileManager.default.createDirectory(atPath: store + "/.deep", withIntermediateDirectories: true)
            try "0123456789".write(toFile: store + "/a b.txt", atomically: false, encoding: .utf8)
            try "deep".write(toFile: store + "/.deep/c.txt", atomically: false, encoding: .utf8)
            try "mark".write(toFile: store + "/\u{301}d.txt", atomically: false, encoding: .utf8)
            try FileManager.default.createSymbolicLink(atPath: store + "/out", withDestinationPath: "/etc/passwd")
            for (number, row) in Self.named.enumerated() {
                let field = row.field.replacing("STORE", with: store)
                try site.write(
                    "\(number).sh",
                    """
                    printf 'Content-Type: x/y\\nSet-Cookie: a=1\\nSet-Cookie: b=2\\n'; echo '\(field)'; echo; echo own
                    """)
                let response = try await caller.send("/\(number).sh")
                #expect(response.status == row.status, "\(row.field)")
                #expect(!response.text.contains("own") || row.field == "X-Other: 1", "\(row.field)")
            }
            let part = try await caller.send("/0.sh", [("Range", "bytes=2-3")])
            #expect(part.status == 206 && part.text == "23" && part.field("Content-Type") == "x/y")
            let whole = try await caller.send("/0.sh")
            #expect(whole.text == "0123456789" && whole.field("Content-Type") == "x/y")
            #expect(whole.fields.filter { $0.name.lowercased() == "set-cookie" }.count == 2)
            #expect(whole.field("X-Accel-Redirect") == nil)
            try String(repeating: ".", count: 10_000).write(
                toFile: store + "/long", atomically: false, encoding: .utf8)
            try site.write("long.sh", "printf 'Content-Type: x/y\\nX-Accel-Redirect: /kept/long\\n\\n'")
            let parts = try await caller.send("/long.sh", [("Range", "bytes=0-0,9000-9000")])
            #expect(parts.status == 206 && parts.field("Content-Type")?.hasPrefix("multipart/byteranges") == true)
        }
    }

    @Test func `what a program's answer and its file vary by is both told`() async throws {
        let yaml = "handlers: {sh: {cgi: {interpreter: /bin/sh}}}\nsend-files: {/kept: store}"
        try await withSite(yaml) { caller, site in
            let store = site.path + "/store"
            try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: true)
            try "text".write(toFile: store + "/a.txt", atomically: false, encoding: .utf8)
            let head = "Content-Type: text/plain\\nVary: Cookie\\nX-Accel-Redirect: /kept/a.txt\\n\\n"
            try site.write("a.sh", "printf '\(head)'")
            let response = try await caller.send("/a.sh")
            let varying = response.fields.filter { $0.name.lowercased() == "vary" }.map(\.value)
            #expect(response.text == "text" && varying.sorted() == ["Accept-Encoding", "Cookie"])
        }
    }

    @Test func `a folder to send from that another takes the place of is that folder`() async throws {
        let yaml = "handlers: {sh: {cgi: {interpreter: /bin/sh}}}\nsend-files: {/kept: store}"
        try await withSite(yaml, change: { $0.loops = 1 }) { caller, site in
            let files = FileManager.default
            for release in ["1", "2"] {
                let folder = "\(site.path)/releases/\(release)"
                try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try "release \(release)".write(toFile: folder + "/a.txt", atomically: false, encoding: .utf8)
            }
            let link = site.path + "/store"
            let head = "Content-Type: text/plain\\nX-Accel-Redirect: /kept/a.txt\\n\\n"
            try site.write("a.sh", "printf '\(head)'")
            #expect(try await caller.status("/a.sh") == 404)
            try files.createSymbolicLink(atPath: link, withDestinationPath: "releases/1")
            #expect(try await caller.text("/a.sh") == "release 1")
            try files.removeItem(atPath: link)
            #expect(try await caller.text("/a.sh") == "release 1")
            try files.createSymbolicLink(atPath: link, withDestinationPath: "releases/2")
            try await eventually("files of the new folder are sent") {
                try await caller.text("/a.sh") == "release 2"
            }
        }
    }

    @Test func `two stars of a target are those of the pattern`() async throws {
        let yaml = """
            hosts: [{name: www.one.test, root: web, redirects: [{from: /**, to: "https://one.test/**"}]}]
            """
        try await withSite(yaml) { caller, _ in
            for path in ["/", "/a/b%20c/", "/a?q=1"] {
                let response = try await caller.send(path, [("Host", "www.one.test")])
                #expect(response.status == 301 && response.field("Location") == "https://one.test\(path)")
            }
        }
    }

    @Test func `a root that another folder takes the place of is that folder, for files and programs`() async throws {
        let fixture = try SiteFixture()
        defer { fixture.remove() }
        let files = FileManager.default
        for release in ["1", "2"] {
            let folder = "\(fixture.path)/releases/\(release)"
            try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try "release \(release)".write(toFile: folder + "/a.txt", atomically: false, encoding: .utf8)
            try "printf 'Content-Type: text/plain\\n\\n'; echo $DOCUMENT_ROOT".write(
                toFile: folder + "/a.sh", atomically: false, encoding: .utf8)
        }
        let link = fixture.path + "/current"
        try files.createSymbolicLink(atPath: link, withDestinationPath: "releases/1")
        let yaml = "root: current\nhandlers: {sh: {cgi: {interpreter: /bin/sh}}}"
        var site = try Site(Array(yaml.utf8), file: fixture.path + "/site.yaml")
        site.loops = 2
        try await serve(site) { caller in
            #expect(try await caller.text("/a.txt") == "release 1")
            try files.removeItem(atPath: link)
            #expect(try await caller.text("/a.txt") == "release 1")
            try files.createSymbolicLink(atPath: link, withDestinationPath: "releases/2")
            try await eventually("the new release is served") { try await caller.text("/a.txt") == "release 2" }
            try await eventually("programs see it") { try await caller.text("/a.sh").hasSuffix("/releases/2\n") }
        }
    }

    @Test func `what is wrong with a path or refusal is said where it stands`() {
        let yaml = "paths:\n  admin: {}\n  /b: {root: x}\nrefuse: {\"*.sql\": 200}"
        let error = #expect(throws: ConfigurationError.self) {
            _ = try Site(Array(yaml.utf8), file: "/nowhere/site.yaml")
        }
        let text = "\(error, default: "")"
        #expect(text.contains("site.yaml:2:3: ") && text.contains("expected a path from the root, such as /admin"))
        #expect(text.contains("site.yaml:3:8: ") && text.contains("site.yaml:4:19: "), "\(text)")
    }
}
