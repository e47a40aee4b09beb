import Foundation
import Glibc
import HTTPTypes
import Igropyr
import IgropyrSites
import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct CGITests {
    private static let yaml = """
        error-log: error.log
        body: 64MiB
        handlers:
          cgi: cgi
          sh: {cgi: {interpreter: /bin/sh, environment: {GREETING: hello}, timeout: 20s}}

        """

    private static func with(
        _ more: String = "", _ body: @escaping @Sendable (SiteCaller, SiteFixture) async throws -> Void
    ) async throws {
        try await withSite(yaml + more, body)
    }

    private static func variables(_ text: String) -> [String: String] {
        var variables: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
        }
        return variables
    }

    @Test func `a script is told of its request as RFC 3875 has it`() async throws {
        try await Self.with { caller, site in
            try site.write("bin/env.sh", "printf 'Content-Type: text/plain\\n\\n'; env; pwd")
            let response = try await caller.send(
                "/bin/env.sh/some%20path/x?a=1&b=%20",
                [
                    ("Host", "site.test:99"), ("X-One", "1"), ("x-one", "2"), ("Cookie", "a=b"),
                    ("Proxy", "http://evil"), ("cookie", "c=d"),
                    ("X_Two", "spoofed"), ("Authorization", "Basic x"), ("Content-Type", "text/x"),
                ], method: "POST", body: Array("body".utf8))
            #expect(response.status == 200, "\(response.text)")
            let found = Self.variables(response.text)
            let expected = [
                "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "site.test",
                "SERVER_PORT": "\(caller.running.address.port)", "REQUEST_METHOD": "POST",
                "SCRIPT_NAME": "/bin/env.sh", "PATH_INFO": "/some path/x", "QUERY_STRING": "a=1&b=%20",
                "REMOTE_ADDR": "127.0.0.1", "CONTENT_LENGTH": "4", "CONTENT_TYPE": "text/x", "HTTP_X_ONE": "1, 2",
                "HTTP_COOKIE": "a=b; c=d", "HTTP_AUTHORIZATION": "Basic x", "GREETING": "hello",
                "REQUEST_URI": "/bin/env.sh/some%20path/x?a=1&b=%20", "SERVER_SOFTWARE": "igropyr",
            ]
            for (name, value) in expected { #expect(found[name] == value, "\(name)") }
            let root = URL(filePath: site.web).resolvingSymlinksInPath().path
            #expect(found["PATH_TRANSLATED"] == root + "/some path/x")
            #expect(found["SCRIPT_FILENAME"] == root + "/bin/env.sh" && found["DOCUMENT_ROOT"] == root)
            #expect(response.text.contains("\n\(root)/bin\n"))
            for name in [
                "HTTP_PROXY", "HTTP_X_TWO", "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "REMOTE_IDENT", "HOME",
            ] {
                #expect(found[name] == nil, "\(name)")
            }
        }
    }

    @Test func `a script is told of its request however long it is`() async throws {
        try await Self.with { caller, site in
            try site.write("env.sh", "printf 'Content-Type: text/plain\\n\\n'; env")
            let long = String(repeating: "v", count: 1000)
            let path = "/" + Array(repeating: "name", count: 50).joined(separator: "/")
            let short = Array(repeating: ("X-Short", "s"), count: 30)
            let response = try await caller.send(
                "/env.sh\(path)?\(long)", [("Host", "site.test"), ("X-Long", long), ("Content-Type", long)] + short,
                method: "POST", body: [1])
            let found = Self.variables(response.text)
            #expect(found["PATH_INFO"] == path && found["QUERY_STRING"] == long && found["CONTENT_TYPE"] == long)
            #expect(found["HTTP_X_LONG"] == long && found["PATH_TRANSLATED"]?.hasSuffix("/web" + path) == true)
            #expect(found["HTTP_X_SHORT"] == short.map(\.1).joined(separator: ", "))
        }
    }

    @Test func `without path, query or body there are no variables for them, but an empty query`() async throws {
        try await Self.with { caller, site in
            try site.write("env.sh", "printf 'Content-Type: text/plain\\n\\n'; env")
            let found = Self.variables(try await caller.text("/env.sh"))
            #expect(found["QUERY_STRING"] == "")
            for name in ["PATH_INFO", "PATH_TRANSLATED", "CONTENT_LENGTH", "CONTENT_TYPE", "AUTH_TYPE", "REMOTE_USER"] {
                #expect(found[name] == nil, "\(name)")
            }
        }
    }

    @Test func `a media type is told also of a request without a body`() async throws {
        try await Self.with { caller, site in
            try site.write("env.sh", "printf 'Content-Type: text/plain\\n\\n'; env")
            let found = Self.variables(try await caller.text("/env.sh", [("Content-Type", "application/json")]))
            #expect(found["CONTENT_TYPE"] == "application/json" && found["CONTENT_LENGTH"] == nil)
        }
    }

    @Test func `the version of HTTP is told with two digits`() async throws {
        try await Self.with { caller, site in
            try site.write("env.sh", "printf 'Content-Type: text/plain\\n\\n'; env")
            let url = "http://\(caller.running.address)/env.sh"
            let outcome = try await run(["curl", "-sS", "--max-time", "60", "--http2-prior-knowledge", url])
            #expect(Self.variables(outcome.output)["SERVER_PROTOCOL"] == "HTTP/2.0", "\(outcome)")
        }
    }

    @Test func `a program is asked by any method, WebDAV's too, but TRACE`() async throws {
        try await Self.with { caller, site in
            try site.write("dav.sh", "printf 'Content-Type: text/plain\\n\\n%s %s' $REQUEST_METHOD $(cat)")
            for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "MKCOL", "get", "X!"] {
                let answer = try caller.exchange(method, "/dav.sh/folder", body: "x")
                #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("\(method) x"), "\(method): \(answer)")
            }
            #expect(try caller.exchange("TRACE", "/dav.sh").hasPrefix("HTTP/1.1 405 "))
        }
    }

    @Test func `a program by itself answers, too`() async throws {
        try await Self.with { caller, site in
            try site.write("a.cgi", "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\nby itself'", mode: 0o755)
            try site.write("not.cgi", "#!/bin/sh\necho no")
            // Another thread's child may hold the file open for writing for a moment (ETXTBSY).
            try await eventually("it answers") { try await caller.text("/a.cgi") == "by itself" }
            #expect(try await caller.status("/not.cgi") == 500)
            try await eventually("the reason") { site.text("error.log").contains("cannot be started") }
        }
    }

    private static let answers: [(head: String, status: Int, fields: [String: String], text: String)] = [
        ("Content-Type: text/x\\n\\nbody", 200, ["Content-Type": "text/x"], "body"),
        ("Status: 404 Gone Fishing\\nContent-Type: text/x\\n\\nbody", 404, [:], "body"),
        ("Location: http://other.test/x\\n\\n", 302, ["Location": "http://other.test/x"], ""),
        (
            "Location: http://other.test/\\nContent-Type: text/x\\nStatus: 301\\n\\nmoved", 301,
            ["Location": "http://other.test/"], "moved"
        ),
        ("Location: /a.txt\\n\\n", 200, ["Content-Type": "text/plain; charset=utf-8"], "the file"),
        ("Location: /echo.sh/x?y=z\\n\\n", 200, [:], "GET /x y=z\n"),
        ("Location: //other.test/\\n\\n", 302, ["Location": "//other.test/"], ""),
        ("Status: 204\\n\\n", 204, [:], ""),
        ("content-TYPE:text/x\\nX-Own: 1\\nX-Own: 2\\n\\n", 200, ["X-Own": "1"], ""),
        ("Content-Type: a/b\\nContent-Length: 4\\n\\nbody", 200, ["Content-Length": "4"], "body"),
        ("Content-Type: a/b\\nConnection: x\\nTransfer-Encoding: chunked\\nUpgrade: h\\n\\nbody", 200, [:], "body"),
        // What is no answer:
        ("HTTP/1.1 200 OK\\nContent-Type: a/b\\n\\n", 502, [:], "502"), ("", 502, [:], "502"),
        ("no head\\n\\n", 502, [:], "502"),
        ("Content-Type: a/b\\n", 502, [:], "502"), ("X-Only: 1\\n\\n", 502, [:], "502"),
        ("\\n\\nbody", 502, [:], "502"),
        ("Content-Type: a/b\\rSet-Cookie: evil=1\\n\\n", 502, [:], "502"),
        ("Location: http://a/\\rSet-Cookie: evil=1\\n\\n", 502, [:], "502"),
        ("Location: http://a/ b\\n\\n", 502, [:], "502"), ("Content-Type: a/b\\nX : y\\n\\n", 502, [:], "502"),
        ("Content-Type: a/b\\n folded\\n\\n", 502, [:], "502"),
        ("Status: 99\\nContent-Type: a/b\\n\\n", 502, [:], "502"),
        ("Status: 200\\nStatus: 404\\nContent-Type: a/b\\n\\n", 502, [:], "502"),
        ("Content-Type: a/b\\nContent-Length: -1\\n\\n", 502, [:], "502"),
        ("Content-Type: a\\000b\\n\\n", 502, [:], "502"),
    ]

    @Test(arguments: [(bytes: 200_000, status: 200), (3_000_000, 200), (3_000_001, 413)])
    func `a body without a length is read to learn it, as far as it may go`(bytes: Int, status: Int) async throws {
        try await withSite("body: 3MB\nhandlers: {sh: {cgi: {interpreter: /bin/sh}}}") { caller, site in
            try site.write("echo.sh", "printf \"Content-Type: a/b\\nX-Length: $CONTENT_LENGTH\\n\\n\"; cat")
            let sent = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            let pieces = AsyncStream<[UInt8]> { continuation in
                for start in stride(from: 0, to: bytes, by: 70_000) {
                    continuation.yield(Array(sent[start..<min(start + 70_000, bytes)]))
                }
                continuation.finish()
            }
            let client = HTTPClient()
            let answer = try await client.send(
                .post, "http://\(caller.running.address)/echo.sh", body: pieces)
            #expect(answer.status.code == status)
            guard status == 200 else { return }
            #expect(answer.fields[HTTPField.Name("X-Length")!] == "\(bytes)")
            #expect(answer.body == sent)
        }
    }

    @Test func `what a script answers is taken as RFC 3875 means it, and what is no answer is 502`() async throws {
        try await Self.with { caller, site in
            try site.write("a.txt", "the file")
            try site.write(
                "echo.sh", "printf 'Content-Type: text/plain\\n\\n'; echo $REQUEST_METHOD $PATH_INFO $QUERY_STRING")
            for (number, answer) in Self.answers.enumerated() {
                try site.write("s\(number).sh", "printf '\(answer.head)'")
                let response = try await caller.send("/s\(number).sh", method: "POST", body: [1, 2, 3])
                #expect(response.status == answer.status, "\(answer.head)")
                for (name, value) in answer.fields { #expect(response.field(name) == value, "\(answer.head)") }
                #expect(answer.status == 502 || response.text == answer.text, "\(answer.head)")
                #expect(response.field("Set-Cookie") == nil && response.field("Upgrade") == nil)
            }
            try await eventually("the reason of a refusal") { site.text("error.log").contains("NPH") }
        }
    }

    @Test func `a head that never ends is refused at its limit`() async throws {
        try await Self.with { caller, site in
            try site.write(
                "a.sh", "while echo X-More: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; do :; done")
            #expect(try await caller.status("/a.sh") == 502)
        }
    }

    @Test func `large bodies go both ways`() async throws {
        try await Self.with { caller, site in
            try site.write("cat.sh", "printf 'Content-Type: a/b\\n\\n'; exec cat")
            let body = [UInt8](unsafeUninitializedCapacity: 20 << 20) { buffer, count in
                count = 20 << 20
                for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: index &* 31 >> 3) }
            }
            let response = try await caller.send("/cat.sh", method: "POST", body: body)
            #expect(response.body == body)
        }
    }

    @Test func `a script need not read its body`() async throws {
        try await Self.with { caller, site in
            try site.write("a.sh", "printf 'Content-Type: a/b\\n\\ndone'")
            let response = try await caller.send("/a.sh", method: "POST", body: [UInt8](repeating: 1, count: 4 << 20))
            #expect(response.text == "done")
        }
    }

    @Test func `to HEAD a script answers a head only`() async throws {
        try await Self.with { caller, site in
            try site.write("a.sh", "printf 'Content-Type: a/b\\nX-Method: '; echo $REQUEST_METHOD; echo; exec yes")
            let response = try await caller.send("/a.sh", method: "HEAD")
            #expect(response.status == 200 && response.body.isEmpty && response.field("X-Method") == "HEAD")
        }
    }

    @Test func `what a script says goes out before it ends, and its errors to the log`() async throws {
        try await Self.with { caller, site in
            try site.write(
                "a.sh",
                """
                printf 'Content-Type: text/plain\\n\\nfirst'
                echo 'it hurts' >&2
                while [ ! -e go ]; do sleep 0.05; done
                printf last
                """)
            let raw = try await Raw(to: caller.running.address)
            try await raw.send("GET /a.sh HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(try await raw.receive(until: "first").contains("first"))
            try await eventually("the error") { site.text("error.log").contains("text=it hurts") }
            try site.write("go", "")
            #expect(try await raw.receive(until: "last").contains("last"))
            raw.close()
        }
    }

    @Test func `a script whose client goes away is ended, with all it has started`() async throws {
        try await Self.with { caller, site in
            try site.write(
                "a.sh", "sleep 1000 & echo $! > child; echo $$ > pid; printf 'Content-Type: a/b\\n\\nx'; wait")
            let raw = try await Raw(to: caller.running.address)
            try await raw.send("GET /a.sh HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await raw.receive(until: "\r\n\r\n")
            let pids = ["pid", "child"].compactMap { pid_t(site.text("web/\($0)").trimmingCharacters(in: .newlines)) }
            try #require(pids.count == 2 && pids.allSatisfy { kill($0, 0) == 0 })
            raw.close()
            try await eventually("both ended") { pids.allSatisfy(hasEnded) }
        }
    }

    @Test func `a script that says nothing is ended in time, before its head and after`() async throws {
        try await withSite("handlers: {sh: {cgi: {interpreter: /bin/sh, timeout: 5s}}}\nerror-log: error.log") {
            caller, site in
            try site.write("slow.sh", "exec sleep 1000")
            try site.write("stuck.sh", "printf 'Content-Type: a/b\\n\\nhalf'; exec sleep 1000")
            #expect(try await caller.status("/slow.sh") == 504)
            await #expect(throws: (any Error).self) { _ = try await caller.send("/stuck.sh") }
            try await eventually("the reason") { site.text("error.log").contains("said nothing for too long") }
        }
    }

    @Test func `no more programs run at once than may, and the others get their turn`() async throws {
        // One loop: requests that all came to one of two would have half of the turns.
        try await withSite(Self.yaml + "processes: 2", change: { $0.loops = 1 }) { caller, site in
            try site.write(
                "a.sh", "echo x >> started; while [ ! -e go ]; do sleep 0.02; done; printf 'Content-Type: a/b\\n\\nx'")
            nonisolated(unsafe) let caller = caller
            let answers = (0..<4).map { _ in
                Task(executorPreference: EventLoop.current) { try await caller.status("/a.sh") }
            }
            try await eventually("two run") { site.text("web/started").count == 4 }
            // Long enough for a third to begin, if it could; a slow machine only sees less.
            try await Task.sleep(for: .milliseconds(100))
            #expect(site.text("web/started").count == 4)
            try site.write("go", "")
            for answer in answers { #expect(try await answer.value == 200) }
            #expect(site.text("web/started").count == 8)
        }
    }

    @Test func `scripts that answer by themselves are refused by name`() async throws {
        try await Self.with { caller, site in
            try site.write("nph-a.sh", "printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'")
            #expect(try await caller.status("/nph-a.sh") == 501)
        }
    }

    @Test func `the site ends though a script does not`() async throws {
        try await Self.with { caller, site in
            try site.write(
                "a.sh",
                "trap '' TERM; printf 'Content-Type: a/b\\n\\nx'; exec >&- 2>&-; echo $$ > pid; while :; do sleep 1; done"
            )
            #expect(try await caller.text("/a.sh") == "x")
        }
    }

    @Test func `an answer ends with its program, though what that has started keeps its output open`() async throws {
        try await Self.with { caller, site in
            try site.write("a.sh", "printf 'Content-Type: a/b\\n\\nall'; sleep 600 & echo $! > pid")
            try site.write("b.sh", "sleep 600 & echo $! > pid")
            for (path, status, text) in [("/a.sh", 200, "all"), ("/b.sh", 502, nil)] {
                let response = try await caller.send(path)
                #expect(response.status == status, "\(path)")
                if let text { #expect(response.text == text) }
                let left = try #require(pid_t(site.text("web/pid").dropLast()))
                #expect(kill(left, SIGTERM) == 0, "it was left alone")
            }
        }
    }

    @Test func `an answer is no longer than its program has said, and cut where it is shorter`() async throws {
        try await Self.with { caller, site in
            let head = "printf 'Content-Type: text/plain\\nContent-Length: 5\\n\\n"
            try site.write("long.sh", head + "12'; sleep 0.1; printf 34567")
            try site.write("short.sh", head + "1234'")
            #expect(try await caller.text("/long.sh") == "12345")
            await #expect(throws: (any Error).self) { _ = try await caller.send("/short.sh") }
            for words in ["longer than its Content-Length", "shorter than its Content-Length"] {
                try await eventually("it says: \(words)") { site.text("error.log").contains(words) }
            }
        }
    }

    @Test func `an environment does not bring what the request has not`() async throws {
        let names = [
            "AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTPS", "PATH_INFO", "PATH_TRANSLATED", "REMOTE_USER",
            "HTTP_PROXY", "SERVER_NAME",
        ]
        var settings = CGISettings()
        settings.interpreter = ["/bin/sh"]
        for name in names + ["MORE"] { settings.environment[name] = "given" }
        try await withSite { site in
            site.base.rules.handlers["sh"] = .cgi(settings)
        } _: { caller, site in
            try site.write("a.sh", "printf 'Content-Type: a/b\\n\\n'; env | grep =given")
            #expect(try await caller.text("/a.sh") == "MORE=given\n")
        }
    }

    /// The manual's example: PHP by its interpreter.
    @Test func `PHP runs by CGI`() async throws {
        try await withSite("handlers: {php: {cgi: {interpreter: /usr/bin/php-cgi}}}") { caller, site in
            try site.write(
                "a.php", "<?php header('X-Sum: ' . (1 + 2)); echo $_GET['q'], file_get_contents('php://input');")
            let response = try await caller.send("/a.php?q=asked+", method: "POST", body: Array("sent".utf8))
            #expect(response.text == "asked sent" && response.field("X-Sum") == "3")
        }
    }
}

/// A connection on which anything can be sent.
final class Raw {
    private let stream: PulledStream
    private var received = ""

    init(to address: SocketAddress) async throws {
        stream = try await PulledStream.connect(to: .tcp(address), on: EventLoop.current!)
    }

    func send(_ text: String) async throws { try await stream.write(Array(text.utf8)) }

    func receive(until end: String) async throws -> String {
        while !received.contains(end), let bytes = try await stream.read() {
            received += String(decoding: bytes, as: UTF8.self)
        }
        return received
    }

    func close() { stream.close() }
}
