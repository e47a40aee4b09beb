import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    /// What an operator asks of a running cluster, with a real Serf agent in it.
    @Test func `members, events, queries, keys and departures by command`() async throws {
        try await Lab.network("3") { lab in
            try await lab.makeKey()
            // Slow to call a member failed, so that there is time to ask about a silent one.
            let nodes = try (1...2).map { try lab.startNode(on: $0, "--profile", "lan", "--join", lab.address(1)) }
            let log = { nodes.map(\.errors).joined(separator: "\n") }
            try await lab.expectMembers(["host-1", "host-2"], on: 1, or: log())
            let agent = try lab.startAgent(
                on: 3, "-event-handler=query:load=echo -n 0.5", "-tag", "colour=\u{1b}[31mred")
            try await lab.expectMembers(["agent", "host-1", "host-2"], on: 1)

            let watching = try lab.start(on: 1, ["igropyr", "event", "--watch", "--json"] + lab.access)
            try await eventually("it watches") { watching.output.contains("started") }
            try await lab.succeed("event", "deploy", "v1")
            try await eventually("the agent hears it", or: agent.output) { agent.output.contains("user-event: deploy") }
            let fromAgent = try await lab.run(on: 3, "serf", "event", "hello", "there")
            #expect(fromAgent.status == 0)
            try await eventually("we hear the agent, and ourselves", or: watching.output) {
                watching.output.contains(#""name":"hello""#) && watching.output.contains(#""name":"deploy""#)
            }

            let list = try await lab.succeed("members")
            #expect(list.contains("colour= [31mred") && !list.contains("\u{1b}"), "a terminal obeys no tag: \(list)")
            #expect(!list.contains("igropyr=") && list.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(list)")

            let answer = try await lab.succeed("query", "load", "--member", "agent", "--timeout", "60")
            #expect(answer.contains("agent  0.5") && answer.contains("1 of 1 received it, 1 answered"), "\(answer)")
            let nobody = try await lab.command("query", "load", "--member", "nobody")
            #expect(nobody.status == 2 && nobody.errors.contains("no member is as asked for"), "\(nobody)")
            #expect(try await lab.succeed("reachability", "--timeout", "60").contains("3 of 3"))
            try await eventually("round trips are known on both sides") {
                let ours = try await lab.command("rtt", "agent", "host-2")
                let theirs = try await lab.run(on: 3, "serf", "rtt", "host-1")
                return ours.status == 0 && theirs.output.contains("Estimated")
            }

            try await lab.makeKey(at: "\(lab.folder)/new.key")
            let rotation = try await lab.succeed("keys", "rotate", "\(lab.folder)/new.key")
            #expect(rotation.contains("3 members forgot"), "\(rotation)")
            let old = try await lab.command("members")
            #expect(old.status == 1 && old.errors.contains("--key-file"), "the old key opens nothing: \(old)")
            try await Program.run(["cp", "\(lab.folder)/new.key", lab.keyFile]).expectSuccess()
            try await lab.expectMembers(["agent", "host-1", "host-2"], on: 1)
            try await eventually("the watcher heard of the keys") { watching.output.contains("keysChanged") }

            let tooEarly = try await lab.command("force-leave", "agent")
            #expect(tooEarly.status == 1 && tooEarly.errors.contains("alive"), "\(tooEarly)")

            // The agent stops dead: nobody hears it, until it is declared left.
            agent.signal(SIGKILL)
            let unreached = try await lab.command("reachability", "--timeout", "1", "--json")
            #expect(unreached.status == 2 && unreached.output.contains("agent"), "\(unreached)")
            try await eventually("it has failed", or: log()) {
                try await lab.command("members", "--name", "agent", "--status", "failed").status == 0
            }
            let pruned = try await lab.succeed("force-leave", "agent", "--prune", "--json")
            #expect(pruned.contains(#""forgotten" : "agent""#), "\(pruned)")
            #expect(try await lab.command("members", "--name", "agent").status == 2)

            let leaving = try await lab.start(
                on: 2, ["igropyr", "leave", "--node", lab.address(2), "--key-file", lab.keyFile]
            ).finish()
            #expect(leaving.status == 0 && leaving.output.contains("host-2 has left"), "\(leaving)")
            try await lab.becomesEmpty(2)
            try await eventually("it has left, for the others") {
                try await lab.command("members", "--name", "host-2", "--status", "left").status == 0
            }
            for (words, text) in [([], "the hosts' logs have no change of shop\n"), (["--json"], "")] {
                let audit = try await lab.command(["audit", "--app", "shop"] + words)
                #expect(audit.status == 0 && audit.output == text, "\(audit)")
                #expect(audit.errors == "without the logs of hosts that have left: host-2\n", "\(audit)")
            }
            watching.signal(SIGINT)
            #expect(try await watching.finish().status == 0)
        }
    }

    @Test func `nodes and agents find each other by multicast, whoever comes first`() async throws {
        try await Lab.network("4") { lab in
            try await lab.makeKey()
            let first = try lab.startAgent(on: 1, "-discover=shop", joining: nil)
            try await eventually("the agent runs", or: first.output) { first.output.contains("Serf agent running") }
            var nodes: [Program] = []
            for host in 2...3 { nodes.append(try lab.startNode(on: host, "--discover", "shop")) }
            let log = { (nodes.map(\.errors) + [first.output]).joined(separator: "\n") }
            try await lab.expectMembers(["agent", "host-2", "host-3"], on: 2, or: log())
            let alone = try lab.start(
                on: 1,
                [
                    "igropyr", "node", "--bind", "\(lab.address(1)):9000", "--name", "alone", "--key-file", lab.keyFile,
                    "--discover", "nobody", "--data", "\(lab.folder)/alone",
                ])
            try await eventually("who finds nobody says so", or: alone.errors) {
                alone.errors.contains("nobody on this network answers yet")
            }
            let last = try lab.startAgent(on: 4, "-discover=shop", joining: nil, name: "late")
            try await lab.expectMembers(["agent", "host-2", "host-3", "late"], on: 3, or: log() + last.output)
        }
    }

    @Test func `parts of a divided cluster that restart meanwhile come together again`() async throws {
        try await Lab.network("4") { lab in
            try await lab.makeKey()
            var nodes = try (1...4).map { try lab.startNode(on: $0, "--join", lab.address(1)) }
            let all = (1...4).map { "host-\($0)" }
            for host in 1...4 { try await lab.expectMembers(all, on: host, or: nodes[0].errors) }
            for near in ["1", "2"] { for far in ["3", "4"] { try await lab.lab("cut", near, far) } }
            try await eventually("each side has lost the other", within: .seconds(90)) {
                let near = try await lab.command("members", "--status", "failed", "--name", "host-4")
                let far = try await lab.command("members", "--status", "failed", "--name", "host-1", on: 3)
                return near.status == 0 && far.status == 0
            }
            // All seeds are gone, and nobody says whom to join.
            for node in nodes { node.signal(SIGKILL) }
            for node in nodes { _ = try await node.finish() }
            nodes = try (1...4).map { try lab.startNode(on: $0) }
            for (host, side) in [(1, ["host-1", "host-2"]), (3, ["host-3", "host-4"])] {
                try await lab.expectMembers(side, on: host, or: nodes[host - 1].errors)
            }
            for near in ["1", "2"] { for far in ["3", "4"] { try await lab.lab("heal", near, far) } }
            for host in 1...4 {
                try await lab.expectMembers(all, on: host, within: .seconds(90), or: nodes[host - 1].errors)
            }
        }
    }
}

extension Lab {
    /// A node as an operator would start it, but that its process is the test's.
    fileprivate func startAgent(
        on host: Int, _ arguments: String..., joining seed: Int? = 1, name: String = "agent"
    ) throws -> Program {
        let key = String(decoding: try Data(contentsOf: URL(filePath: keyFile)), as: UTF8.self)
        return try start(
            on: host,
            [
                "serf", "agent", "-node=\(name)", "-bind=\(address(host))",
                "-encrypt=\(key.filter { !$0.isWhitespace })",
            ] + (seed.map { ["-join=\(address($0))"] } ?? []) + arguments)
    }

    /// Waits until the node on that host has exactly these as alive members.
    fileprivate func expectMembers(
        _ names: [String], on host: Int, within limit: Duration = .seconds(30),
        or context: @autoclosure () -> String = ""
    ) async throws {
        struct Member: Decodable { var name: String }
        try await eventually("\(names) are alive for host \(host)", within: limit, or: context()) {
            let outcome = try await command(["members", "--status", "alive", "--json"], on: host)
            guard outcome.status == 0 else { return false }
            let members = try JSONDecoder().decode([Member].self, from: Data(outcome.output.utf8))
            return members.map(\.name) == names
        }
    }
}

extension Outcome {
    fileprivate func expectSuccess() { #expect(status == 0, "\(self)") }
}
