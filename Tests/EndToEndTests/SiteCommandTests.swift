import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    @Suite struct SiteCommandTests {
        /// A folder that everybody may write to, for the length of a test.
        private static func with(_ yaml: String, _ body: (String) async throws -> Void) async throws {
            let scratch = try ScratchFolder()
            let folder = scratch.path
            chmod(folder, 0o777)
            try FileManager.default.createDirectory(atPath: folder + "/web", withIntermediateDirectories: true)
            try Data("hello".utf8).write(to: URL(filePath: folder + "/web/index.html"))
            try Data(yaml.utf8).write(to: URL(filePath: folder + "/site.yaml"))
            try await body(folder)
            withExtendedLifetime(scratch) {}
        }

        @Test func `a site is another user's once it listens, and opens its logs anew when told`() async throws {
            try #require(getuid() == 0)
            try await Self.with("listen: 127.0.0.1:9871\nuser: nobody\naccess-log: access.log\n") { folder in
                let program = try Program([Binaries.igropyr, "serve", folder])
                let ask = ["curl", "-s", "http://127.0.0.1:9871/"]
                try await eventually("it answers", or: program.errors) { try await Program.run(ask).output == "hello" }
                let threads = "/proc/\(program.pid)/task"
                let states = try FileManager.default.contentsOfDirectory(atPath: threads)
                    // Some end meanwhile.
                    .compactMap { try? String(contentsOfFile: "\(threads)/\($0)/status", encoding: .utf8) }
                #expect(!states.isEmpty)
                for state in states {
                    #expect(state.contains("Uid:\t65534\t65534\t65534\t65534\n"))
                    #expect(state.contains("Gid:\t65534\t65534\t65534\t65534\n") && state.contains("Groups:\t65534 \n"))
                }
                try await eventually("the log's line") { Self.text(folder + "/access.log").contains("GET / ") }
                // The file is root's, its folder everybody's: the new one can be made.
                rename(folder + "/access.log", folder + "/access.log.1")
                program.signal(SIGUSR1)
                try await eventually("a line in the new log", or: program.errors) {
                    _ = try await Program.run(ask)
                    return Self.text(folder + "/access.log").contains("GET / ")
                }
                program.signal(SIGTERM)
                #expect(try await program.finish().status == 0)
            }
        }

        @Test func `a site's file is read anew when told, and one that is wrong changes nothing`() async throws {
            try await Self.with("listen: 127.0.0.1:9879\nheaders: {X-A: one}\n") { folder in
                let program = try Program([Binaries.igropyr, "serve", folder])
                @Sendable func has(_ field: String) async throws -> Bool {
                    try await Program.run(["curl", "-si", "http://127.0.0.1:9879/"]).output.contains(field)
                }
                try await eventually("it answers", or: program.errors) { try await has("X-A: one") }
                let file = URL(filePath: folder + "/site.yaml")
                try Data("listen: 127.0.0.1:9880\nheaders: {X-A: two}\naccess-log: new.log\n".utf8).write(to: file)
                program.signal(SIGHUP)
                try await eventually("it says the new", or: program.errors) { try await has("X-A: two") }
                try await eventually("it is told") { program.errors.contains("(keys=listen)") }
                try await eventually("the log's line") { Self.text(folder + "/new.log").contains("GET / ") }
                try Data("header: {X-A: three}\n".utf8).write(to: file)
                program.signal(SIGHUP)
                try await eventually("it is told") {
                    program.errors.contains("the site stays as it was") && program.errors.contains("site.yaml:1:1")
                }
                #expect(try await has("X-A: two"))
                program.signal(SIGTERM)
                #expect(try await program.finish().status == 0)
            }
        }

        @Test func `a site's two servers stop together, and its logs are opened anew until the end`() async throws {
            let yaml = """
                listen: 127.0.0.1:9875
                redirect-http: 127.0.0.1:9876
                tls: {certificate: chain.pem, key: key.pem}
                access-log: access.log
                handlers: {sh: {cgi: {interpreter: /bin/sh}}}
                """
            try await Self.with(yaml) { folder in
                let certificate = try await Program.run([
                    "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a", "-keyout",
                    "\(folder)/key.pem", "-out", "\(folder)/chain.pem",
                ])
                try #require(certificate.status == 0, "\(certificate)")
                let script = """
                    printf 'Content-Type: text/plain\\n\\nbegun '; touch ../begun
                    while ! [ -e ../go ]; do sleep 0.05; done; printf whole
                    """
                try Data(script.utf8).write(to: URL(filePath: folder + "/web/a.sh"))
                let program = try Program([Binaries.igropyr, "serve", folder])
                let redirect = ["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:9876/"]
                try await eventually("it answers", or: program.errors) { try await Program.run(redirect).status == 0 }
                let request = try Program(["curl", "-sk", "https://127.0.0.1:9875/a.sh"])
                try await eventually("the script runs") { access(folder + "/begun", F_OK) == 0 }
                program.signal(SIGTERM)
                try await eventually("the redirector is gone", or: program.errors) {
                    try await Program.run(redirect).status == 7
                }
                rename(folder + "/access.log", folder + "/access.log.1")
                for signal in [SIGHUP, SIGUSR2, SIGUSR1] { program.signal(signal) }
                try await eventually("a new log", or: program.errors) { access(folder + "/access.log", F_OK) == 0 }
                try Data().write(to: URL(filePath: folder + "/go"))
                #expect(try await request.finish().output == "begun whole")
                #expect(try await program.finish().status == 0, "\(program.errors)")
                #expect(Self.text(folder + "/access.log").contains("GET /a.sh "))
            }
        }

        @Test func `a program gets three descriptors, whatever the server was started with`() async throws {
            let yaml = "listen: 127.0.0.1:9872\nhandlers: {sh: {cgi: {interpreter: /bin/sh}}}\n"
            try await Self.with(yaml) { folder in
                let script = "printf 'Content-Type: text/plain\\n\\n'; for f in /proc/$$/fd/*; do readlink $f; done"
                try Data(script.utf8).write(to: URL(filePath: folder + "/web/a.sh"))
                let start = "exec 7</dev/null 9>\(folder)/nine; exec \(Binaries.igropyr) serve \(folder)"
                let program = try Program(["sh", "-c", start])
                let found = try await eventually("it answers", or: program.errors) {
                    let output = try await Program.run(["curl", "-sf", "http://127.0.0.1:9872/a.sh"]).output
                    return output.isEmpty ? nil : output
                }
                // Three pipes, and the script that the shell reads.
                let others = found.split(separator: "\n").filter { !$0.hasPrefix("pipe:") }
                #expect(others.allSatisfy { $0.hasSuffix("/web/a.sh") }, "\(found)")
                program.signal(SIGTERM)
                #expect(try await program.finish().status == 0)
            }
        }

        @Test func `a page is run by the site's user, with the descriptors it needs and no other`() async throws {
            try #require(getuid() == 0)
            try await Self.with("listen: 127.0.0.1:9873\nuser: nobody\nhandlers: {ssp: ssp}\n") { folder in
                let page = """
                    <? (list (getuid) (getgid) (getgroups)) ?>
                    <?scheme (use-modules (ice-9 ftw))
                    (for-each (lambda (fd)
                                (let ((name (string-append "/proc/self/fd/" fd)))
                                  (when (file-exists? name) (printf "~a\n" (readlink name)))))
                              (cddr (scandir "/proc/self/fd"))) ?>
                    """
                try Data(page.utf8).write(to: URL(filePath: folder + "/web/a.ssp"))
                let start = "exec 7</dev/null 9>\(folder)/nine; exec \(Binaries.igropyr) serve \(folder)"
                let program = try Program(["sh", "-c", start])
                let found = try await eventually("it answers", or: program.errors) {
                    let output = try await Program.run(["curl", "-sf", "http://127.0.0.1:9873/a.ssp"]).output
                    return output.isEmpty ? nil : output
                }
                let lines = found.split(separator: "\n").map { $0.trimmingPrefix { $0 == " " } }
                #expect(lines.first == "(65534 65534 #(65534))", "\(found)")
                // Guile has pipes of its own.
                let others = lines.dropFirst().filter { !$0.hasPrefix("pipe:") }.map { $0.prefix { $0 != ":" } }
                #expect(others.sorted() == ["/dev/null", "socket"], "\(found)")
                program.signal(SIGTERM)
                #expect(try await program.finish().status == 0)
            }
        }

        @Test func `a program of the first edition is served as it says`() async throws {
            try await Self.with("") { folder in
                let text = """
                    (import (igropyr http))
                    (define (get header path query) (response 200 "text/plain" "Hello World"))
                    (server (request get) (request get) (set) (listen "127.0.0.1" 9874))
                    """
                try Data(text.utf8).write(to: URL(filePath: folder + "/hello.scm"))
                let program = try Program([Binaries.igropyr, "serve", "--scheme", folder + "/hello.scm"])
                try await eventually("it answers", or: program.errors) {
                    try await Program.run(["curl", "-s", "http://127.0.0.1:9874/any"]).output == "Hello World"
                }
                program.signal(SIGTERM)
                #expect(try await program.finish().status == 0)
                let wrong = try await Program.run([Binaries.igropyr, "serve", "--scheme", folder + "/none.scm"])
                #expect(wrong.status == 1 && wrong.errors.contains("none.scm"), "\(wrong)")
            }
        }

        @Test func `a site's file is checked without being served`() async throws {
            try await Self.with("handlers: {php: {fastcgi: unix:/run/php.sock}}\n") { folder in
                let right = try await Program.run([
                    Binaries.igropyr, "serve", "--config", folder + "/site.yaml", "--check",
                ])
                #expect(right.status == 0 && right.output.contains(".php: FastCGI at unix:/run/php.sock"), "\(right)")
            }
            try await Self.with("rot: x\nconnections: none\n") { folder in
                let wrong = try await Program.run([Binaries.igropyr, "serve", folder, "--check"])
                #expect(wrong.status == 1, "\(wrong)")
                for line in ["site.yaml:1:1: unknown key \"rot\"", "site.yaml:2:14: connections: found none"] {
                    #expect(wrong.errors.contains(line), "\(wrong)")
                }
            }
        }

        private static func text(_ file: String) -> String {
            (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        }
    }
}
