import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    /// Balancers that come and go while clients do not notice.
    struct EntranceTests {
        @Test func `a balancer that is upgraded loses no request and refuses nobody`() async throws {
            try await Lab.up("2", "--balancer") { lab in
                try await lab.serveHello(on: 1...2)
                let old = try #require(try await lab.processes(of: "balancer").first)
                let steady = try Program(["wrk", "-t1", "-c16", "-d8", "--timeout", "20", lab.entrance + "/"])
                let newcomers = try Program(["bash", "-c", lab.newConnections(300)])
                #expect(kill(old, SIGUSR2) == 0)
                try await eventually("another process has its place") {
                    let present = try await lab.processes(of: "balancer")
                    return present.count == 1 && present != [old]
                }
                let counts = try await newcomers.finish().output
                #expect(counts.split(separator: "\n").allSatisfy { $0 == "200" } && !counts.isEmpty, "\(counts)")
                let summary = try await steady.finish().output
                #expect(!summary.contains("Socket errors") && !summary.contains("Non-2xx"), "\(summary)")
                try await lab.answers(from: ["host-1", "host-2"])
            }
        }

        @Test func `what is under way in a balancer that was upgraded goes on elsewhere if its host dies`() async throws
        {
            try await Lab.up("3", "--balancer") { lab in
                try await lab.serveHello(on: 1...3)
                let old = try #require(try await lab.processes(of: "balancer").first)
                // All of one path go to one worker.
                let host = try await lab.answer(after: 0).finish().output
                let slow = try lab.answer(after: 20_000)  // For as long as what follows may take.
                try await eventually("the balancer has the request") {
                    let space = "igropyr-\(lab.name)-balancer"
                    let words = ["ip", "netns", "exec", space, "ss", "-tnpH", "state", "established", "sport = :8080"]
                    return try await Program.run(words).output.contains("pid=\(old),")
                }
                #expect(kill(old, SIGUSR2) == 0)
                try await eventually("another process has its place") {
                    try await lab.processes(of: "balancer").contains { $0 != old }
                }
                #expect(try await lab.processes(of: "balancer").contains(old))
                let number = try #require(host.split(separator: "-").last)
                try await lab.lab("pause", "\(number)")
                let other = try await slow.finish().output
                #expect(other.hasPrefix("host-") && other != host, "\(host), then \(other)")
                try await lab.lab("resume", "\(number)")
            }
        }

        @Test func `every host is an entrance, and one whose balancer is killed stays open`() async throws {
            try await Lab.network("2") { lab in
                try await lab.makeKey()
                let nodes = try (1...2).map { host in
                    try lab.start(
                        on: host,
                        lab.node(host, joining: 1) + [
                            "--balance", "\(lab.address(host)):8080", "--balance-admin", "127.0.0.1:7951",
                        ])
                }
                let logs = { nodes.map(\.errors).joined(separator: "\n") }
                try await eventually("host 1 explains why it knows of no worker", or: logs()) {
                    let explained = try await lab.run(on: 1, "igropyr", "explain", "/")
                    guard explained.errors.contains("none is deployed (igropyr apps)") else {
                        throw Failure("\(explained)")
                    }
                    return true
                }
                let deployed = try await lab.deploy()
                try #require(deployed.status == 0, "\(deployed)")
                for host in 1...2 {
                    try await lab.answers(
                        from: ["host-1", "host-2"], at: "http://\(lab.address(host)):8080", or: logs())
                }
                let explained = try await lab.run(on: 1, "igropyr", "explain", "/")
                #expect(explained.status == 0 && explained.output.contains("host-"), "\(explained)")
                let killed = try #require(try await lab.processes(of: "balancer", on: 1).first)
                #expect(kill(killed, SIGKILL) == 0)
                // The socket is the node's: whoever comes now waits.
                let code = try await lab.statusCode("http://\(lab.address(1)):8080/")
                #expect(code == 200, "\(logs())")
                nodes[0].signal(SIGTERM)
                #expect(try await nodes[0].finish().status == 0, "\(logs())")
                try await lab.becomesEmpty(1)
            }
        }

        @Test func `the balancer beside a node goes by a file, and signals to the node reach it`() async throws {
            try await Lab.network("1") { lab in
                try await lab.makeKey()
                let (file, host) = ("\(lab.folder)/balancer.yaml", lab.address(1))
                let write = { (listen: String, target: String) in
                    let text = """
                        listen: [\(listen)]
                        routes: [{path: /, redirect: "https://\(target)/"}]
                        access-log: \(lab.folder)/access.log
                        """
                    try Data(text.utf8).write(to: URL(filePath: file))
                }
                let target = { (port: Int) in
                    try await lab.run(
                        on: 1, "curl", "--silent", "--max-time", "60", "--output", "/dev/null", "--write-out",
                        "%{redirect_url}", "http://\(host):\(port)/")
                }
                let secure = "{address: \"\(host):8081\", redirect-to-https: 8443}"
                try write("\"\(host):8080\", \(secure)", "first")
                let node = try lab.start(on: 1, lab.node(1) + ["--balance-config", file])
                let errors = { node.errors }
                try await eventually("it serves", or: errors()) { try await target(8080).output == "https://first/" }
                #expect(try await target(8081).output == "https://\(host):8443/", "\(errors())")
                let told = try await lab.succeed("certificate", "challenge", "token.thumbprint")
                #expect(told == "answered by 1 of 1 balancer\n")
                let answer = try await lab.run(
                    on: 1, "curl", "--silent", "http://\(host):8081/.well-known/acme-challenge/token")
                #expect(answer.output == "token.thumbprint", "\(errors())")

                try write("8080", "second")
                node.signal(SIGHUP)
                try await eventually("it says that nothing changes", or: errors()) {
                    errors().contains("all goes on as before")
                }
                #expect(try await target(8080).output == "https://first/", "\(errors())")
                try write("\"\(host):8080\", \(secure)", "second")
                node.signal(SIGHUP)
                try await eventually("it goes by the file", or: errors()) {
                    try await target(8080).output == "https://second/"
                }

                let log = "\(lab.folder)/access.log"
                try FileManager.default.moveItem(atPath: log, toPath: log + ".1")
                node.signal(SIGUSR1)
                try await eventually("it opens its log anew", or: errors()) {
                    FileManager.default.fileExists(atPath: log)
                }

                let first = try #require(try await lab.processes(of: "balancer", on: 1).first)
                #expect(kill(first, SIGKILL) == 0)
                // The sockets are the node's: whoever comes now waits.
                for (port, place) in [(8080, "https://second/"), (8081, "https://\(host):8443/")] {
                    #expect(try await target(port).output == place, "\(errors())")
                }

                let second = try await lab.processes(of: "balancer", on: 1)
                try write("\"\(host):8082\"", "third")
                node.signal(SIGUSR2)
                try await eventually("another process has its place", or: errors()) {
                    let present = try await lab.processes(of: "balancer", on: 1)
                    return present.count == 1 && present != second
                }
                #expect(try await target(8082).output == "https://third/", "\(errors())")
                for port in [8080, 8081] { #expect(try await target(port).status == 7, "refused: \(errors())") }

                // It has none of the node's sockets any more, and yet ends with it.
                let third = try #require(try await lab.processes(of: "balancer", on: 1).first)
                #expect(kill(third, SIGKILL) == 0)
                try await eventually("it is back", or: errors()) { try await target(8082).output == "https://third/" }
                node.signal(SIGTERM)
                #expect(try await node.finish().status == 0, "\(errors())")
                try await lab.becomesEmpty(1)
            }
        }
    }
}

extension Lab {
    /// Which host answers so many milliseconds after it was asked; nothing if none does.
    fileprivate func answer(after milliseconds: Int) throws -> Program {
        try Program([
            "curl", "--silent", "--output", "/dev/null", "--write-out", "%header{igropyr-host}",
            "\(entrance)/slow?ms=\(milliseconds)",
        ])
    }

    /// A script that prints the statuses of so many requests, each on a connection of its own.
    fileprivate func newConnections(_ count: Int) -> String {
        "for i in $(seq \(count)); do curl -s -m 20 -o /dev/null -w '%{http_code}\\n' \(entrance)/$i; done"
    }
}
