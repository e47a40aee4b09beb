import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    /// Faults that a running cluster lives with, and says so.
    struct FaultTests {
        @Test func `a node whose seed does not answer says so, and joins when it does`() async throws {
            try await Lab.network("2") { lab in
                try await lab.makeKey()
                let second = try lab.start(on: 2, lab.node(2, joining: 1))
                try await eventually("it names the seed", or: second.errors + second.output) {
                    (second.errors + second.output).contains(lab.address(1))
                }
                #expect(second.exitStatus == nil)
                let first = try lab.start(on: 1, lab.node(1))
                try await lab.statusSays("they know each other", or: first.errors) {
                    $0.hosts.count { $0.status == "alive" } == 2
                }
            }
        }

        @Test func `an application that ends at its start is shown with the reason, and the others run on`()
            async throws
        {
            try await Lab.up("1", "--balancer") { lab in
                try await lab.serveHello(on: 1...1)
                let script = "\(lab.folder)/crash"
                try Data("#!/bin/sh\necho no database here >&2\nexit 3\n".utf8).write(to: URL(filePath: script))
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
                let deployed = try await lab.deploy(script, name: "crash", route: "/crash")
                #expect(deployed.status == 1 && deployed.errors.contains("no database here"), "\(deployed)")
                #expect(deployed.errors.split(separator: "\n").count == 1, "\(deployed)")
                try await lab.statusSays("the status says why") { status in
                    let worker = status.workers.first { $0.application == "crash" }
                    guard let worker, let message = worker.message else { return false }
                    return ["backoff", "failed"].contains(worker.state) && message.contains("no database here")
                }
                try await lab.statusSays("the other runs on") { status in
                    status.workers.first { $0.application == "hello" }?.state == "ready"
                }
                try await lab.answers(from: ["host-1"])
            }
        }

        @Test func `a bundle that does not fit on the disk is refused, and nothing of it stays`() async throws {
            try await Lab.network("1") { lab in
                let data = "\(lab.folder)/1/data"
                let mounted = try await Program.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", data])
                try #require(mounted.status == 0, "\(mounted)")
                defer { umount2(data, Int32(MNT_DETACH)) }
                try await lab.startNodes(1...1)
                let site = "\(lab.folder)/site"
                try FileManager.default.createDirectory(atPath: site, withIntermediateDirectories: true)
                try Data().write(to: URL(filePath: "\(site)/index.html"))
                try Data(randomBytes(8 << 20, seed: 1)).write(to: URL(filePath: "\(site)/large"))
                let before = try freeBytes(of: data)
                let deployed = try await lab.deploy(site, name: "large")
                #expect(deployed.status == 1 && deployed.errors.contains("space"), "\(deployed)")
                #expect(deployed.errors.split(separator: "\n").count == 1, "\(deployed)")
                try await eventually("nothing half-written stays") { try before - freeBytes(of: data) < 64 << 10 }
                #expect(try await lab.status().hosts.count == 1)
            }
        }

        private func freeBytes(of path: String) throws -> Int {
            var status = statvfs()
            guard statvfs(path, &status) == 0 else { throw Failure("statvfs: \(String(cString: strerror(errno)))") }
            return Int(status.f_bavail) * Int(status.f_frsize)
        }
    }
}
