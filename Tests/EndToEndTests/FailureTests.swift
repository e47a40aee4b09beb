import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    /// What breaks or is stopped while a steady load of GETs runs: none of them may be lost.
    struct FailureTests {
        @Test func `a host that dies takes no request with it`() async throws {
            try await Lab.up("3", "--balancer") { lab in
                try await lab.serveHello(on: 1...3)
                let load = try Load(on: lab.entrance, for: 10, in: lab.folder)
                try await load.passes(Load.rate)
                try await lab.lab("kill", "3")
                let summary = try await load.finish()
                print("host killed under load: \(summary), longest \(summary.longest)")
                #expect(summary.lost == 0)
                try await lab.answers(from: ["host-1", "host-2"])
            }
        }

        @Test func `a worker that dies is back, and no request was lost`() async throws {
            try await Lab.up("2", "--balancer") { lab in
                try await lab.serveHello(on: 1...2)
                let load = try Load(on: lab.entrance, for: 6, in: lab.folder)
                try await load.passes(Load.rate)
                let old = try #require(try await lab.status().worker(on: 2)).pid
                try await lab.lab("kill-worker", "2")
                try await lab.statusSays("another worker on host 2 is ready") { status in
                    guard let worker = status.worker(on: 2) else { return false }
                    return worker.pid != old && worker.state == "ready"
                }
                try await eventually("it answers") { try await lab.hostsAnswering(lab.entrance).contains("host-2") }
                let summary = try await load.finish()
                print("worker killed under load: \(summary), longest \(summary.longest)")
                #expect(summary.lost == 0)
            }
        }

        @Test func `a node that is stopped drains, and no request is lost`() async throws {
            try await Lab.up("2", "--balancer") { lab in
                try await lab.serveHello(on: 1...2)
                let load = try Load(on: lab.entrance, for: 6, in: lab.folder)
                try await load.passes(Load.rate)
                try await lab.lab("stop", "2")
                let summary = try await load.finish()
                print("node stopped under load: \(summary), longest \(summary.longest)")
                #expect(summary.lost == 0)
                try await lab.becomesEmpty(2)
                try await lab.answers(from: ["host-1"])
            }
        }

        @Test func `a new revision replaces the old one, and no request is lost`() async throws {
            try await Lab.up("2", "--balancer") { lab in
                try await lab.serveHello(on: 1...2)
                let old = try await lab.status().readyWorkers.compactMap(\.pid)
                let revision = "\(lab.folder)/hello-2"  // Bytes after a program's end change what it is called, only.
                try Data(contentsOf: URL(filePath: Binaries.hello)).appending("\n# 2\n").write(
                    to: URL(filePath: revision))
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: revision)
                let load = try Load(on: lab.entrance, for: 6, in: lab.folder)
                try await load.passes(Load.rate)
                let outcome = try await lab.deploy(revision)
                #expect(outcome.status == 0, "\(outcome)")
                try await lab.statusSays("both hosts run the new one") {
                    $0.workers.count == 2
                        && $0.workers.allSatisfy { $0.state == "ready" && !old.contains($0.pid ?? 0) }
                }
                let summary = try await load.finish()
                print("new revision under load: \(summary), longest \(summary.longest)")
                #expect(summary.lost == 0)
            }
        }

        @Test func `an application that is removed is gone: its workers, and its answers`() async throws {
            try await Lab.up("2", "--balancer") { lab in
                try await lab.serveHello(on: 1...2)
                let outcome = try await lab.start(on: 1, ["igropyr", "remove", "hello"] + lab.access)
                    .finish()
                #expect(outcome.status == 0, "\(outcome)")
                for host in 1...2 {
                    try await eventually("host \(host) runs its node only") {
                        try await lab.processes(on: host).count == 1
                    }
                }
                try await eventually("the balancer has nothing for it") {
                    [404, 503].contains(try await lab.statusCode(lab.entrance + "/"))
                }
            }
        }
    }
}

extension Data {
    fileprivate func appending(_ text: String) -> Data { self + Data(text.utf8) }
}
