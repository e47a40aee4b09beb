import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    @Test func `the demo answers, and Ctrl-C ends it with nothing left behind`() async throws {
        try await Lab.network("1") { lab in
            let folder = "\(lab.folder)/demo"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let demo = try lab.start(
                on: 1, ["env", "TMPDIR=\(folder)", "HOME=\(folder)", "igropyr", "demo"])
            try await eventually("the demo answers", or: demo.errors + demo.output) {
                let outcome = try await lab.run(on: 1, "curl", "--silent", "--fail", "http://127.0.0.1:8080/")
                return outcome.status == 0
            }
            try await eventually("it says what to try", or: demo.output) { demo.output.contains("curl") }
            demo.signal(SIGINT)
            let outcome = try await demo.finish()
            #expect(outcome.status == 0, "\(outcome)")
            try await lab.becomesEmpty(1)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test func `the demo says why an application does not start`() async throws {
        try await Lab.network("1") { lab in
            let program = "\(lab.folder)/broken"
            try lab.write("#!/bin/sh\necho 'a library is missing' >&2; exit 3\n", to: program, permissions: 0o755)
            let demo = try lab.start(on: 1, ["igropyr", "demo", "--nodes", "1", "--application", program])
            let outcome = try await demo.finish()
            #expect(outcome.status == 1, "\(outcome)")
            for words in ["does not start", "exited with 3", "a library is missing"] {
                #expect(outcome.errors.contains(words), "\(outcome)")
            }
            try await lab.becomesEmpty(1)
        }
    }

    @Test func `the demo serves the example site`() async throws {
        try await Lab.network("1") { lab in
            let folder = "\(lab.folder)/demo"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let demo = try lab.start(
                on: 1,
                [
                    "env", "TMPDIR=\(folder)", "HOME=\(folder)", "igropyr", "demo", "--nodes", "2", "--application",
                    "\(Binaries.examples)/Site",
                ])
            func answer(_ path: String, _ options: [String]) async throws -> String {
                let command = ["curl", "--silent", "--max-time", "20"] + options + ["http://127.0.0.1:8080" + path]
                return try await lab.start(on: 1, command).finish().output
            }
            let pages: [(path: String, options: [String], says: String)] = [
                ("/?name=Ann", [], "<h1>Hello, Ann</h1>"), ("/primes.ws", [], "<p>2 3 5 7 11 "),
                ("/menu.mustache", [], "<li>Soup, hot</li>"), ("/clock.sh", [], "You asked 127.0.0.1 for /clock.sh"),
                ("/", ["--header", "Host: docs.localhost"], "recipes.txt"),
                ("/private/", ["--user", "ann:open sesame"], "salt"), ("/private/", [], "Unauthorized"),
            ]
            for page in pages {
                try await eventually(
                    "\(page.path) says \(page.says)", or: demo.errors + demo.output
                ) {
                    try await answer(page.path, page.options).contains(page.says)
                }
            }
            demo.signal(SIGINT)
            let outcome = try await demo.finish()
            #expect(outcome.status == 0, "\(outcome)")
            try await lab.becomesEmpty(1)
        }
    }
}
