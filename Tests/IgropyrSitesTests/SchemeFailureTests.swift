import Foundation
import Igropyr
import IgropyrSites
import IgropyrUV
import TestSupport
import Testing

/// Pages that fail harm neither the site nor each other.
@Suite(.timeLimit(.minutes(5))) struct SchemeFailureTests {
    private static let mistakes: [(page: String, says: String)] = [
        ("1\n2\n<? (car 'x) ?>", "/m.ssp:3: "),
        ("<?scheme (define (f x)\n  (+ 1 (undefined x))) ?>\n<? (f 1) ?>", "/m.ssp:2: "),
        ("1\n<?scheme (let ((x ?>", "/m.ssp:"), ("1\n2<? no end", "m.ssp:2: a <? has no ?>"),
        ("1\n\n<?scheme (if) ?>", "/m.ssp:3:"), ("<? 1 ; comment ?>\n\n<? (car 1) ?>", "/m.ssp:3: "),
        ("<?scheme (raise 'thing) ?>", "thing"), ("<?scheme (error \"a word:\" 7) ?>", "a word: 7"),
        ("<?scheme (let loop () (cons 1 (loop))) ?>", "/m.ssp:1"),
        ("<?scheme (define all '()) (let next () (set! all (cons (make-vector 1000000) all)) (next)) ?>", ""),
        ("<?scheme (let next () (display \"spam\") (next)) ?>", "more bytes than it may"),
        ("<?scheme (primitive-_exit 3) ?>", "ended before the page did"),
        ("<?scheme (kill (getpid) SIGKILL) ?>", "ended before the page did"),
        ("<?scheme (close-fdes 3) (primitive-_exit 0) ?>", "ended before the page did"),
    ]

    @Test func `a page that fails is 500, the log has its file and line, and the next one is shown`() async throws {
        try await SchemePageTests.with(scheme: "{processes: 1, output: 1MiB, memory: 256MiB}") { caller, site in
            try site.write("good.ssp", "good <? (+ 1 1) ?>")
            for mistake in Self.mistakes {
                try site.write("m.ssp", mistake.page)
                let response = try await caller.send("/m.ssp")
                #expect(response.status == 500, "\(mistake.page)")
                #expect(!response.text.contains("m.ssp") && !response.text.contains("spam"))
                try await eventually("\(mistake.page) in \(site.text("error.log"))") {
                    mistake.says.isEmpty || site.text("error.log").contains(mistake.says)
                }
                try FileManager.default.removeItem(atPath: site.path + "/error.log")
                caller.running.reopenLogs()
                #expect(try await caller.text("/good.ssp") == "good 2", "after \(mistake.page)")
            }
        }
    }

    @Test func `in development a page that fails shows its chain of calls, escaped`() async throws {
        try await SchemePageTests.with("development: true") { caller, site in
            try site.write(
                "a.ssp",
                "lost\n<?scheme\n(define (inner x) (+ 1 (car x)))\n(define (outer) (* 2 (inner \"<b>\")))\n?><? (outer) ?>"
            )
            let response = try await caller.send("/a.ssp")
            #expect(response.status == 500 && response.field("Content-Type") == "text/html; charset=utf-8")
            #expect(response.text.contains("/a.ssp:3") && response.text.contains("/a.ssp:4"), "\(response.text)")
            #expect(response.text.contains("&lt;b&gt;") && !response.text.contains("<b>"))
            #expect(!response.text.contains("lost"))
        }
    }

    @Test func `a page that never ends is ended, and its interpreter replaced`() async throws {
        try await SchemePageTests.with(scheme: "{processes: 1, timeout: 700ms}") { caller, site in
            try site.write("a.ssp", "<? (getpid) ?>")
            let first = try #require(pid_t(try await caller.text("/a.ssp")))
            #expect(try await caller.text("/a.ssp") == "\(first)")
            try site.write("loop.ssp", "<?scheme (let loop () (loop)) ?>")
            #expect(try await caller.status("/loop.ssp") == 504)
            try await eventually("the first is gone") { kill(first, 0) != 0 }
            let second = try #require(pid_t(try await caller.text("/a.ssp")))
            #expect(second != first)
            // Neither does one whose client does not wait.
            let raw = try await Raw(to: caller.running.address)
            try await raw.send("GET /loop.ssp HTTP/1.1\r\nHost: a\r\n\r\n")
            raw.close()
            try await eventually("the other goes on") { try await caller.status("/a.ssp") == 200 }
            #expect(site.text("error.log").contains("a page took too long"))
        }
    }

    @Test func `requests wait for an interpreter, so many and no more`() async throws {
        try await SchemePageTests.with(scheme: "{processes: 1}") { caller, site in
            try site.write("a.ssp", "<?scheme (while (not (file-exists? \"go\")) (usleep 10000)) ?>done")
            let refusals = Locked(0)
            let address = caller.running.address
            let answers = (0..<12).map { _ in
                Task(executorPreference: EventLoop.current) {
                    let raw = try await Raw(to: address)
                    defer { raw.close() }
                    try await raw.send("GET /a.ssp HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    let head = try await raw.receive(until: "\r\n\r\n").lowercased()
                    if head.contains(" 503 "), head.contains("retry-after: 1") { refusals.withLock { $0 += 1 } }
                    return head.hasPrefix("http/1.1 200 ")
                }
            }
            try await eventually("those beyond the queue are told") { refusals.withLock { $0 } == 3 }
            try site.write("go", "")
            var shown = 0
            for answer in answers where try await answer.value { shown += 1 }
            #expect(shown == 9)
        }
    }

    @Test(arguments: ["/nonexistent/guile", "/bin/true", "/etc/passwd"])
    func `without an interpreter the log names its package, and no source is shown`(interpreter: String) async throws {
        try await SchemePageTests.with(scheme: "{interpreter: \(interpreter)}") { caller, site in
            try site.write("a.ssp", "<? \"secret\" ?>")
            for _ in 0..<20 {
                let response = try await caller.send("/a.ssp")
                #expect(response.status == 503 && !response.text.contains("secret"))
                #expect(Int(response.field("Retry-After") ?? "") ?? 0 >= 1)
            }
            let tries = { site.text("error.log").split(separator: "\n").count { $0.contains("guile-3.0") } }
            try await eventually("the reason") { tries() > 0 }
            #expect(tries() < 10)  // After 10, 17 minutes have passed.
        }
    }

    @Test func `stray output harms nothing, and no other socket is at hand than that of the page`() async throws {
        try await SchemePageTests.with { caller, site in
            try site.write(
                "a.ssp",
                """
                <?scheme (use-modules (ice-9 ftw)) (system "echo stray") (display "x" (fdopen 1 "w"))
                (log-to (error-log) "logged ~a" 7) ?>
                <? (map (lambda (fd) (false-if-exception (readlink (string-append "/proc/self/fd/" fd))))
                        (cddr (scandir "/proc/self/fd"))) ?>
                """)
            let text = try await caller.text("/a.ssp")
            let kinds = text.split(whereSeparator: { " ()\n".contains($0) }).map { $0.prefix { $0 != ":" } }
            #expect(kinds.count { $0 == "socket" } == 1, "found \(text)")
            try await eventually("the stray output") { site.text("error.log").contains("text=stray") }
            try await eventually("the page's own line") { site.text("error.log").contains("text=logged 7") }
        }
    }

    @Test func `sources and data of pages are not sent as they are, unless that is said`() async throws {
        try await withSite("status-pages: {404: /lost.ssp}") { caller, site in
            for name in ["a.ssp", "a.ws", "a.mustache", "a.mustache.yaml", "A.SSP", "lost.ssp"] {
                try site.write(name, "source")
                let response = try await caller.send("/\(name)")
                #expect(response.status == 404 && !response.text.contains("source"), "\(name)")
            }
        }
        try await withSite("handlers: {ssp: file}\ntypes: {ws: text/plain}") { caller, site in
            for name in ["a.ssp", "a.ws"] {
                try site.write(name, "source")
                #expect(try await caller.text("/\(name)") == "source")
            }
        }
    }
}
