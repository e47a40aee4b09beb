import Glibc
import Testing

extension EndToEnd {
    /// All that is copied to the new host is a word; started again, it needs that no more.
    @Test func `a host that shows a token joins, serves its share and keeps the key`() async throws {
        try await Lab.network("2", "--balancer") { lab in
            try await lab.startNodes(1...1, balancer: true)
            try await lab.serveHello(on: 1...1)
            let token = try await lab.run(on: 1, "igropyr", "token", "--key-file", lab.keyFile)
            #expect(token.status == 0 && token.errors.contains("good until"), "\(token)")
            let node = [
                "igropyr", "node", "--bind", lab.address(2), "--name", "host-2", "--data", "\(lab.folder)/token-data",
            ]
            let word = token.output.filter { $0 != "\n" }
            let first = try lab.start(on: 2, node + ["--join", lab.address(1), "--token", word])
            try await lab.answers(from: ["host-1", "host-2"], or: first.errors)
            first.signal(15)
            #expect(try await first.finish().status == 0)
            let second = try lab.start(on: 2, node)
            try await lab.answers(from: ["host-1", "host-2"], or: second.errors)
        }
    }

    @Test func `who waits to be let in ends at once when asked to`() async throws {
        try await Lab.network("2") { lab in
            try await lab.makeKey()
            let word = try await lab.run(on: 1, "igropyr", "token", "--key-file", lab.keyFile).output.filter {
                $0 != "\n"
            }
            let access = ["--join", lab.address(1), "--token", word, "--data", "\(lab.folder)/token-data"]
            let node = ["node", "--bind", lab.address(2)]
            let balancer = ["balancer", "--listen", "\(lab.address(2)):8080", "--bind", "\(lab.address(2)):7950"]
            for command in [node, balancer] {
                let program = try lab.start(on: 2, ["igropyr"] + command + access)
                try await eventually("it waits", or: program.errors) { program.errors.contains("waiting to be let in") }
                program.signal(SIGTERM)
                #expect(try await program.finish().status == 0, "\(command)")
            }
        }
    }

    /// By multicast, and with the token where its key would be.
    @Test func `a balancer that shows a token is an entrance, keeps the key, and hands its place in the cluster on`()
        async throws
    {
        try await Lab.network("2") { lab in
            try await lab.makeKey()
            let node = try lab.startNode(on: 1, "--discover", "shop")
            try #require(try await lab.deploy().status == 0)
            let word = "'\(Binaries.igropyr)' token --key-file '\(lab.keyFile)' >'\(lab.folder)/word'"
            #expect(try await Program.run(["bash", "-c", "umask 077; \(word)"]).status == 0)
            let address = lab.address(2)
            let balancer = [
                "igropyr", "balancer", "--name", "entrance", "--listen", "\(address):8080", "--bind", "\(address):7950",
                "--data",
                "\(lab.folder)/entrance",
            ]
            let entrance = "http://\(address):8080"
            let first = try lab.start(on: 2, balancer + ["--key-file", "\(lab.folder)/word", "--discover", "shop"])
            try await lab.answers(from: ["host-1"], at: entrance, or: first.errors + node.errors)
            first.signal(SIGTERM)
            #expect(try await first.finish().status == 0)
            let second = try lab.start(on: 2, balancer)
            try await lab.answers(from: ["host-1"], at: entrance, or: "without token and seeds: \(second.errors)")
            let knocks = try lab.start(
                on: 1, ["bash", "-c", "for _ in {1..500}; do (: <>/dev/tcp/\(address)/7950); done"])
            second.signal(SIGUSR2)
            try await eventually("a third process has its place", or: second.errors) {
                second.errors.contains("has taken over")
            }
            try await lab.answers(from: ["host-1"], at: entrance, or: second.errors)
            // A neighbour that was refused would take it for failed.
            #expect(try await knocks.finish().errors == "", "nobody is refused at its gossip port")
        }
    }
}
