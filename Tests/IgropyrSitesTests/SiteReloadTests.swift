import Foundation
import IgropyrSites
import IgropyrTransport
import TestSupport
import Testing

/// What another site changes that takes the place of one which is served.
@Suite(.timeLimit(.minutes(5))) struct SiteReloadTests {
    private static func site(_ yaml: String, in fixture: SiteFixture) throws -> Site {
        try Site(Array(("loops: 2\n" + yaml).utf8), file: fixture.path + "/site.yaml")
    }

    @Test func `requests from then on are answered as it says, and those under way as was said before`() async throws {
        let yaml = "handlers: {sh: {cgi: {interpreter: /bin/sh}}}\nhosts: [{name: a.test, root: web/a}]\n"
        try await withSite(yaml) { caller, site in
            for name in ["index.html", "a/index.html", "b/index.html", "c/index.html"] { try site.write(name, name) }
            try site.write(
                "slow.sh",
                """
                touch ../begun; while ! [ -e ../go ]; do sleep 0.05; done
                printf 'Content-Type: text/plain\\n\\nwhole'
                """)
            let raw = try await Raw(to: caller.running.address)
            try await raw.send("GET /slow.sh HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            try await eventually("it runs") { FileManager.default.fileExists(atPath: site.path + "/begun") }
            let new = try Self.site(
                "hosts: [{name: a.test, root: web/b}, {name: c.test, root: web/c, headers: {X-A: c}}]", in: site)
            #expect(try await caller.running.replace(by: new) == [])
            for (host, text) in [("x.test", "index.html"), ("a.test", "b/index.html"), ("c.test", "c/index.html")] {
                for _ in 0..<8 { #expect(try caller.exchange("GET", "http://\(host)/").hasSuffix(text), "\(host)") }
            }
            #expect(try await caller.text("/slow.sh").hasPrefix("touch"))  // No handler any more.
            try Data().write(to: URL(filePath: site.path + "/go"))
            #expect(try await raw.receive(until: "whole").contains("whole"))
            raw.close()
        }
    }

    @Test func `hosts that come have logs of their own, also where there were none`() async throws {
        try await withSite { caller, site in
            try site.write("index.html", "")
            let yaml = "hosts: [{name: a.test, access-log: {file: a.log, format: common}, error-log: errors.log}]"
            #expect(try await caller.running.replace(by: Self.site(yaml, in: site)) == [])
            #expect(try await caller.status("/?one", [("Host", "a.test")]) == 200)
            #expect(try await caller.status("/?two", [("Host", "b.test")]) == 200)
            try await eventually("a line") { site.text("a.log").contains("/?one ") }
            let other = yaml.replacing("a.log", with: "b.log") + "\nfallback: /none.php"
            #expect(try await caller.running.replace(by: Self.site(other, in: site)) == [])
            #expect(try await caller.status("/three", [("Host", "a.test")]) == 404)
            try await eventually("a line") { site.text("b.log").contains("/three ") }
            try await eventually("an error") { site.text("errors.log").contains("the fallback is not there") }
            rename(site.path + "/b.log", site.path + "/b.log.1")
            caller.running.reopenLogs()
            try await eventually("the new log's line") {
                _ = try await caller.status("/four", [("Host", "a.test")])
                return site.text("b.log").contains("/four ")
            }
            #expect(!site.text("a.log").contains("two") && !site.text("a.log").contains("three"))
        }
    }

    private static func isOpen(_ path: String) -> Bool {
        (0..<4096).contains { number in
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")) == path
        }
    }

    @Test func `logs that it names no more are closed once what was under way has left its line`() async throws {
        let yaml = """
            handlers: {sh: {cgi: {interpreter: /bin/sh}}}
            hosts: [{name: a.test, access-log: a.log, error-log: errors.log}]
            """
        try await withSite(yaml) { caller, site in
            try FileManager.default.createDirectory(atPath: site.web, withIntermediateDirectories: true)
            try site.write("index.html", "")
            try site.write(
                "slow.sh",
                """
                touch ../begun; while ! [ -e ../go ]; do sleep 0.05; done
                printf 'Content-Type: text/plain\\n\\nwhole'
                """)
            let raw = try await Raw(to: caller.running.address)
            try await raw.send("GET /slow.sh HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
            try await eventually("it runs") { FileManager.default.fileExists(atPath: site.path + "/begun") }
            let new = "hosts: [{name: a.test, access-log: b.log}]"
            #expect(try await caller.running.replace(by: Self.site(new, in: site)) == [])
            #expect(Self.isOpen(site.path + "/a.log") && Self.isOpen(site.path + "/b.log"))
            try Data().write(to: URL(filePath: site.path + "/go"))
            #expect(try await raw.receive(until: "whole").contains("whole"))
            raw.close()
            try await eventually("they are closed") {
                _ = try caller.exchange("GET", "/")  // On each loop.
                return !Self.isOpen(site.path + "/a.log") && !Self.isOpen(site.path + "/errors.log")
            }
            #expect(site.text("a.log").contains("GET /slow.sh HTTP/1.1\" 200"))
            #expect(Self.isOpen(site.path + "/b.log"))
        }
    }

    private static let mistakes = [
        "root: none", "access-log: none/access.log", "error-log: none/error.log", "hosts: [{name: a.test, root: none}]",
    ]

    @Test(arguments: mistakes) func `one that cannot be served changes nothing`(yaml: String) async throws {
        try await withSite("headers: {X-A: old}") { caller, site in
            try site.write("index.html", "")
            let new = try Self.site("headers: {X-A: new}\n\(yaml)", in: site)
            let error = await #expect(throws: (any Error).self) { try await caller.running.replace(by: new) }
            #expect(error.map { "\($0)" }?.contains("none") ?? false)
            #expect(try await caller.send("/", [("Host", "a.test")]).field("X-A") == "old")
        }
    }

    @Test func `logs of one that cannot be served are those of the next`() async throws {
        try await withSite { caller, site in
            try site.write("index.html", "")
            let names = (0..<8).map { "{name: h\($0).test, access-log: \($0).log}" }.joined(separator: ", ")
            let wrong = try Self.site("hosts: [\(names), {name: a.test, access-log: none/a.log}]", in: site)
            await #expect(throws: (any Error).self) { try await caller.running.replace(by: wrong) }
            #expect(try await caller.running.replace(by: Self.site("hosts: [\(names)]", in: site)) == [])
            for number in 0..<8 {
                #expect(try await caller.status("/", [("Host", "h\(number).test")]) == 200)
                try await eventually("a line in \(number)") { !site.text("\(number).log").isEmpty }
            }
        }
    }

    @Test func `what counts from the next start is told, and all else counts`() async throws {
        try await withSite { caller, site in
            try site.write("index.html", "")
            let yaml = """
                listen: 127.0.0.1:1
                connections: 2
                user: nobody
                server-name: other
                processes: 1
                scheme: {processes: 1}
                development: true
                headers: {X-A: new}
                """
            let told = try await caller.running.replace(by: Site(Array(yaml.utf8), file: site.path + "/site.yaml"))
            #expect(
                told
                    == [
                        "listen", "connections", "loops", "user", "server-name", "processes", "scheme", "development",
                    ])
            #expect(try await caller.send("/").field("X-A") == "new")
            #expect(try await caller.send("/").field("Server") == "igropyr")
        }
    }

    @Test func `its certificates are those that clients get`() async throws {
        let authority = try await TestAuthority()
        let one = try await authority.issue("one", for: ["DNS:one.test"])
        let other = try await authority.issue("other", for: ["DNS:other.test"])
        let fixture = try SiteFixture()
        defer { fixture.remove() }
        try fixture.write("index.html", "here")
        func site(_ chain: String, _ key: String) throws -> Site {
            try Self.site("tls: {certificate: '\(chain)', key: '\(key)'}", in: fixture)
        }
        let running = try await site(one.chain, one.key).start()
        let context = try TLSContext.client(trusting: .authorities(file: authority.file))
        let address = running.address
        @Sendable func ask(_ name: String) async throws -> String? {
            try await onLoop { loop in
                let client = try HTTPRequester(on: loop, tls: context, serverName: name)
                defer { client.close() }
                return try? await client.send(.init(.get, "https://\(name)/"), to: address).text
            }
        }
        #expect(try await ask("one.test") == "here")
        #expect(try await running.replace(by: site(other.chain, other.key)) == [])
        #expect(try await ask("other.test") == "here")
        #expect(try await ask("one.test") == nil)
        await #expect(throws: (any Error).self) { try await running.replace(by: site(fixture.path, other.key)) }
        #expect(try await ask("other.test") == "here")
        try await running.stop()
    }
}
