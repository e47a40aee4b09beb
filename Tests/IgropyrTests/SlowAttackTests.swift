import Igropyr
import TestSupport
import Testing

/// slowhttptest: clients that hold connections by a byte now and then.
@Suite(.timeLimit(.minutes(5))) struct SlowAttackTests {
    private struct Attack: CustomTestStringConvertible {
        let testDescription: String
        let options: [String]
    }

    private static let attacks = [
        Attack(testDescription: "slow heads", options: ["-H", "-u", "/hello"]),
        Attack(testDescription: "slow bodies", options: ["-B", "-s", "8192", "-x", "8", "-u", "/count"]),
        Attack(testDescription: "many ranges", options: ["-R", "-u", "/file.txt"]),
        Attack(
            testDescription: "slow readers", options: ["-X", "-w", "10", "-y", "20", "-z", "1000", "-u", "/file.txt"]),
    ]

    /// 300 connections, which the server must have closed long before the attack would end by itself.
    @Test(arguments: attacks) private func `a slow attack keeps nobody out, and is shaken off`(
        attack: Attack
    ) async throws {
        let folder = try TemporaryFolder()
        try folder.write("file.txt", String(repeating: "x", count: 8 << 20), mode: 0o644)
        try await withApp { app in
            app.server.headTimeout = .seconds(2)
            app.server.idleTimeout = .seconds(2)
            app.server.progressTimeout = .seconds(2)
            app.server.rateGrace = .seconds(2)
            // More than its readers take. They take some, or it would not come upon the end behind what is in its
            // buffers.
            app.server.minimumBytesPerSecond = 10_000
            app.get("/hello") { _ in "Hello" }
            app.post("/count") { request async throws in "\(try await request.body(upTo: 1 << 20).count)" }
            app.files("/", from: folder.path)
        } _: { caller in
            let options = attack.options.dropLast() + ["http://\(caller.server.address)\(attack.options.last ?? "")"]
            let outcome = try await run(
                ["slowhttptest", "-c", "300", "-r", "300", "-i", "1", "-l", "120", "-p", "60"] + options)
            let text = outcome.output.replacing(#/\u{1B}\[[0-9;]*[A-Za-z]/#, with: "")
            #expect(text.contains("No open connections left"), "\(text.suffix(2000))")
            #expect(text.contains(#/service available:\s+YES/#) && !text.contains(#/service available:\s+NO/#))
            #expect(try await caller.send("/hello").text == "Hello")
        }
    }
}
