import FoundationEssentials
import Testing

extension EndToEnd {
    @Test func `a host whose clock is days off is told of, in few words`() async throws {
        try await Lab.network("2") { lab in
            try await lab.startNodes(1...1)
            let outcome = try await lab.deploy()
            try #require(outcome.status == 0, "\(outcome)")
            try await lab.lab("clock", "2", "-172800")
            try await lab.lab("start", "2")
            try await lab.statusSays("the other host tells of it") {
                $0.problems.contains {
                    $0.hasPrefix("host-2: its clock is more than 24 hours behind that of host-1")
                }
            }
            func refusals() throws -> Int {
                try lab.log(of: 2).split(separator: "\n").count { $0.contains("refused a part of a peer's state") }
            }
            try await eventually("it logs what it refuses") { try refusals() >= 2 }
            // Once a state that is refused was sent again and again, and each time all of it was told.
            #expect(try refusals() <= 8)
        }
    }

    @Test func `a host whose clock is far ahead decides nothing, and serves once it is set right`() async throws {
        try await Lab.network("3", "--balancer") { lab in
            try await lab.startNodes(1...2)
            try await lab.lab("clock", "balancer", "-172800")
            try await lab.lab("start", "balancer")
            let outcome = try await lab.deploy()
            try #require(outcome.status == 0, "\(outcome)")
            try await lab.answers(from: ["host-1", "host-2"])
            try await lab.lab("clock", "3", "864000")
            try await lab.lab("start", "3")
            // Each has heard of its clock by then, and it of theirs.
            for host in 1...2 {
                try await lab.statusSays("host \(host) tells of it") {
                    $0.problems.contains { $0.hasPrefix("host-\(host): ") && $0.contains("behind that of host-3") }
                }
            }
            let refused = try await lab.command("scale", "hello", "--per-host", "2", on: 3)
            #expect(refused.status == 1 && refused.errors.contains("the clock of host-3 is"), "\(refused)")
            let program = "\(lab.folder)/another"
            try lab.write("#!/bin/sh\n", to: program, permissions: 0o755)
            let deployed = try await lab.command("deploy", program, on: 3)
            #expect(deployed.status == 1 && deployed.errors.contains("the clock of host-3 is"), "\(deployed)")
            #expect(try lab.bundles(of: 3).isSubset(of: lab.bundles(of: 1)), "the bundle was not sent")
            try await lab.lab("clock", "3", "0")
            try await lab.statusSays("it serves, without a restart") {
                $0.worker(on: 3)?.state == "ready" && $0.problems.isEmpty
            }
            try await lab.succeed("scale", "hello", "--per-host", "2")
        }
    }
}

extension Lab {
    /// The digests of those that the host holds or has begun to take.
    fileprivate func bundles(of host: Int) throws -> Set<String> {
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(host)/data/bundles")
        let files = names.map { $0.split(separator: ".", omittingEmptySubsequences: false) }
            .filter { $0.count == 2 && ["index", "partial"].contains($0[1]) }
        return Set(files.map { String($0[0]) })
    }

    fileprivate func log(of host: Int) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: "\(folder)/\(host)/log")), as: UTF8.self)
    }
}
