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
            try await eventually("the demo answers", within: .seconds(30), or: demo.errors + demo.output) {
                let outcome = try await lab.run(on: 1, "curl", "--silent", "--fail", "http://127.0.0.1:8080/")
                return outcome.status == 0
            }
            try await eventually("it says what to try", or: demo.output) { demo.output.contains("curl") }
            demo.signal(SIGINT)
            let outcome = try await demo.finish(within: .seconds(30))
            #expect(outcome.status == 0, "\(outcome)")
            #expect(try await lab.processes(on: 1).isEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }
}
