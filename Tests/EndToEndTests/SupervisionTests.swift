import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    /// Agents that are replaced, or die, while their workers go on.
    struct SupervisionTests {
        @Test func `a node's upgrade keeps its process, its workers and every request`() async throws {
            try await Lab.up("2", "--balancer") { lab in
                try await lab.serveHello(on: 1...2)
                let load = try Load(on: lab.entrance, for: 8, in: lab.folder)
                try await load.passes(Load.rate)
                for host in 1...2 {
                    let node = try #require(try await lab.processes(of: "node", on: host).first)
                    let worker = try #require(try await lab.status().worker(on: host)).pid
                    let hangups = try Program([
                        "timeout", "3", "bash", "-c", "while kill -HUP \(node); do sleep 0.002; done",
                    ])
                    #expect(kill(node, SIGUSR2) == 0)
                    try await eventually("host \(host) has adopted its worker") {
                        try lab.log(of: host).contains("adopted a worker")
                    }
                    #expect(try await hangups.finish().status == 124, "it hears SIGHUP at any time")
                    try await lab.statusSays("the node answers", on: host) { $0.workers.count == 2 }
                    try await lab.statusSays("its worker serves on") {
                        $0.worker(on: host).map { $0.pid == worker && $0.state == "ready" } == true
                    }
                    #expect(try await lab.processes(of: "node", on: host).first == node)
                    let said = try await lab.run(
                        on: host, "curl", "--silent", "--fail", "--data", #"{"topic":"a","text":"b"}"#,
                        try Self.topics(of: try #require(worker)))
                    #expect(said.status == 0, "its worker talks to others where it did: \(said)")
                }
                let summary = try await load.finish()
                print("nodes upgraded under load: \(summary), longest \(summary.longest)")
                #expect(summary.lost == 0)
                try await lab.answers(from: ["host-1", "host-2"])
                // A worker of the upgraded node is restarted like any, on the socket that went through the upgrade.
                let old = try #require(try await lab.status().worker(on: 2)).pid
                kill(pid_t(old ?? 0), SIGKILL)
                try await lab.statusSays("its worker is replaced") { status in
                    guard let worker = status.worker(on: 2) else { return false }
                    return worker.pid != old && worker.state == "ready"
                }
                for host in 1...2 {
                    try await lab.lab("stop", "\(host)")
                    try await lab.becomesEmpty(host)
                }
            }
        }

        /// Where a worker was told to talk to others when it was started.
        private static func topics(of worker: Int) throws -> String {
            let name = "IGROPYR_TOPICS="
            let variables = FileManager.default.contents(atPath: "/proc/\(worker)/environ") ?? Data()
            let texts = variables.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return String(try #require(texts.first { $0.hasPrefix(name) }).dropFirst(name.count))
        }

        @Test func `a node's upgrades lose no request at the balancer beside it, which follows`() async throws {
            try await Lab.network("1") { lab in
                let (node, entrance) = try await lab.serveBesideBalancer()
                let worker = try await lab.status().worker(on: 1)?.pid
                let balancers = try await lab.processes(of: "balancer", on: 1)
                let load = try Program(["wrk", "-t1", "-c16", "-d12", "--timeout", "20", entrance + "/"])
                // The second is by another thread than that which started the balancer, which may be about to follow.
                for count in 1...2 {
                    node.signal(SIGUSR2)
                    try await eventually("it has adopted its worker", or: node.errors) {
                        node.errors.split(separator: "\n").count { $0.contains("adopted a worker") } == count
                    }
                }
                try await eventually("its balancer has followed", or: node.errors) {
                    let present = try await lab.processes(of: "balancer", on: 1)
                    return present.count == 1 && Set(present).isDisjoint(with: balancers)
                }
                let summary = try await load.finish().output
                #expect(summary.contains("Requests/sec"), "\(summary)")
                #expect(!summary.contains("Socket errors") && !summary.contains("Non-2xx"), "\(summary)")
                // Its balancer, which shares its standard error, has not taken it for failed.
                #expect(!node.errors.contains("change=failed"), "\(node.errors)")
                #expect(try await lab.status().worker(on: 1)?.pid == worker && worker != nil)
                node.signal(SIGUSR2)  // It is told to end in the midst of it.
                node.signal(SIGTERM)
                let outcome = try await node.finish()
                #expect(outcome.status == 0, "\(outcome)")
                try await lab.becomesEmpty(1)
            }
        }

        @Test func `what a node starts has as many open files as the node had at first, after its upgrade, too`()
            async throws
        {
            try await Lab.network("1") { lab in
                try await lab.makeKey()
                let limits = ["sh", "-c", "ulimit -Sn 200; ulimit -Hn 4000; exec \"$0\" \"$@\""]
                let node = try lab.start(on: 1, limits + lab.node(1))
                let deployed = try await lab.deploy()
                try #require(deployed.status == 0, "\(deployed)")
                let command = ["igropyr", "exec", "hello"] + lab.access + ["--", "sh", "-c", "ulimit -Sn; ulimit -Hn"]
                let before = try await lab.start(on: 1, command).finish()
                #expect(before.output == "200\n4000\n", "\(before)")
                node.signal(SIGUSR2)
                try await eventually("it has adopted its worker", or: node.errors) {
                    node.errors.contains("adopted a worker")
                }
                let after = try await eventually("the node answers", or: node.errors) {
                    let after = try await lab.start(on: 1, command).finish()
                    return after.status == 0 ? after : nil
                }
                #expect(after.output == "200\n4000\n", "\(after)")
            }
        }

        @Test func `a balancer that was upgraded still ends with the node that it runs beside`() async throws {
            try await Lab.network("1") { lab in
                let (node, _) = try await lab.serveBesideBalancer()
                let first = try #require(try await lab.processes(of: "balancer", on: 1).first)
                kill(first, SIGUSR2)
                try await eventually("another has taken over", or: node.errors) {
                    let balancers = try await lab.processes(of: "balancer", on: 1)
                    return balancers.count == 1 && balancers != [first]
                }
                node.signal(SIGKILL)
                try await eventually("it has ended, too", or: node.errors) {
                    try await lab.processes(of: "balancer", on: 1).isEmpty
                }
            }
        }

        @Test func `workers outlive a node that is killed, and the next one goes on with them`() async throws {
            try await Lab.up("2", "--balancer") { lab in
                try await lab.serveHello(on: 1...2)
                let before = try #require(try await lab.status().worker(on: 2))
                let worker = before.pid
                let load = try Load(on: lab.entrance, for: 8, in: lab.folder)
                try await load.passes(Load.rate)
                let topics = try Self.topics(of: try #require(worker))
                kill(try #require(try await lab.processes(of: "node", on: 2).first), SIGKILL)
                // Nobody else gets its port meanwhile; what is said waits for the next node.
                let said = try lab.start(
                    on: 2,
                    ["curl", "--silent", "--show-error", "--fail", "--data", #"{"topic":"a","text":"b"}"#, topics])
                try await lab.lab("start", "2")
                let answer = try await said.finish()
                #expect(answer.status == 0, "\(answer)")
                try await lab.statusSays("the node is back, with its worker", on: 2) { status in
                    guard let present = status.worker(on: 2) else { return false }
                    return present.pid == worker && present.state == "ready"
                }
                let summary = try await load.finish()
                print("node killed and started under load: \(summary), longest \(summary.longest)")
                #expect(summary.lost == 0)
                try await lab.answers(from: ["host-1", "host-2"])
                kill(pid_t(worker ?? 0), SIGKILL)
                try await lab.statusSays("its worker is replaced") { status in
                    guard let present = status.worker(on: 2) else { return false }
                    return present.pid != nil && present.pid != worker && present.state == "ready"
                        && present.address == before.address
                }
                try await lab.lab("stop", "2")
                try await lab.becomesEmpty(2)
            }
        }

        @Test func `a worker that hangs is replaced`() async throws {
            try await Lab.up("1") { lab in
                let folder = try lab.bundle("hello", manifest: "command: bin/Hello\nwatchdog: 1s\n")
                let outcome = try await lab.deploy(folder)
                try #require(outcome.status == 0, "\(outcome)")
                try await lab.statusSays("a worker runs") { $0.worker(on: 1)?.state == "ready" }
                let stuck = pid_t(try #require(try await lab.status().worker(on: 1)?.pid))
                kill(stuck, SIGSTOP)
                try await lab.statusSays("it is replaced") { status in
                    guard let worker = status.worker(on: 1) else { return false }
                    return worker.state == "ready" && worker.pid != nil && worker.pid != Int(stuck)
                }
                #expect(kill(stuck, 0) == -1)
            }
        }

        @Test func `what crashes on every host is tried no more, until somebody says so`() async throws {
            try await Lab.up("2", "--balancer") { lab in
                let flag = "\(lab.folder)/flag"
                let script = "#!/bin/sh\n[ -e '\(flag)' ] || exit 3\nexec \"${0%/*}/Hello\"\n"
                let manifest = "command: bin/start\nisolation: off\nrestart: { intensity: 2 }\n"
                let folder = try lab.bundle("hello", manifest: manifest, files: ["bin/start": script])
                let outcome = try await lab.deploy(folder)
                #expect(outcome.status == 1 && outcome.errors.contains("hello does not start on"), "\(outcome)")
                for host in 1...2 {
                    try await lab.statusSays("host \(host) knows, and has given it up", on: host) {
                        $0.applications.first?.problem?.contains("is tried no more") == true
                            && $0.workers.map(\.state) == ["failed", "failed"]
                    }
                }
                let early = try await lab.run(
                    on: 1, "igropyr", "retry", "nothing", "--node", lab.address(1), "--key-file", lab.keyFile)
                #expect(early.status == 1)
                try Data().write(to: URL(filePath: flag))
                let retry = try await lab.start(on: 2, ["igropyr", "retry", "hello"] + lab.access).finish()
                #expect(retry.status == 0, "\(retry)")
                try await lab.answers(from: ["host-1", "host-2"])
                try await lab.statusSays("it is no problem any more") { $0.applications.first?.problem == nil }
            }
        }

        @Test func `the workers of a node that does not come back are ended`() async throws {
            try await Lab.up("1") { lab in
                let outcome = try await lab.deploy()
                try #require(outcome.status == 0, "\(outcome)")
                try await lab.statusSays("a worker runs") { $0.worker(on: 1)?.state == "ready" }
                kill(try #require(try await lab.processes(of: "node", on: 1).first), SIGKILL)
                try await lab.becomesEmpty(1)
            }
        }
    }
}

extension Lab {
    /// Has a node of host 1, with a balancer beside it, serve Hello; with where that is reached.
    fileprivate func serveBesideBalancer() async throws -> (Program, String) {
        try await makeKey()
        let entrance = "http://\(address(1)):8080"
        let program = try start(on: 1, node(1) + ["--balance", "\(address(1)):8080"])
        let deployed = try await deploy()
        try #require(deployed.status == 0, "\(deployed)")
        try await eventually("it answers") { try await statusCode(entrance) == 200 }
        return (program, entrance)
    }

    /// A folder with `bin/Hello`, that `igropyr.yaml` and those programs.
    fileprivate func bundle(_ name: String, manifest: String, files: [String: String] = [:]) throws -> String {
        let root = "\(folder)/bundle-\(name)"
        let manager = FileManager.default
        try manager.createDirectory(atPath: "\(root)/bin", withIntermediateDirectories: true)
        try manager.copyItem(atPath: Binaries.hello, toPath: "\(root)/bin/Hello")
        try Data(manifest.utf8).write(to: URL(filePath: "\(root)/igropyr.yaml"))
        for (path, text) in files {
            try Data(text.utf8).write(to: URL(filePath: "\(root)/\(path)"))
            try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(root)/\(path)")
        }
        return root
    }

    fileprivate func log(of host: Int) throws -> String {
        String(decoding: FileManager.default.contents(atPath: "\(folder)/\(host)/log") ?? Data(), as: UTF8.self)
    }
}
