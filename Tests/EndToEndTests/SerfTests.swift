import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    /// A real Serf agent sees what we see.
    @Test func `a Serf agent lists all nodes alive, then one failed, then one left`() async throws {
        try await Lab.network("4", "--balancer") { lab in
            try await lab.startNodes(1...3, balancer: true)
            let key = String(decoding: try Data(contentsOf: URL(filePath: lab.keyFile)), as: UTF8.self)
            let agent = try lab.start(
                on: 4,
                [
                    "serf", "agent", "-node=agent", "-join=\(lab.address(2))",
                    "-encrypt=\(key.filter { !$0.isWhitespace })",
                ])
            let all = ["agent", "balancer", "host-1", "host-2", "host-3"]
            try await eventually("all alive", or: agent.output) {
                try await lab.serfMembers(on: 4) == Dictionary(uniqueKeysWithValues: all.map { ($0, "alive") })
            }
            // Without -bind, an agent sends its IPv4 address in 16 bytes.
            try await eventually("host 1 lists them, too, the agent at its IPv4 address") {
                let listed = try await lab.start(on: 1, ["igropyr", "members"] + lab.access)
                    .finish()
                return listed.status == 0 && (all + ["\(lab.address(4)):7946"]).allSatisfy(listed.output.contains)
            }

            try await lab.lab("kill", "3")
            try await eventually("host 3 has failed") {
                try await lab.serfMembers(on: 4)["host-3"] == "failed"
            }
            try await lab.lab("stop", "2")
            try await eventually("host 2 has left") { try await lab.serfMembers(on: 4)["host-2"] == "left" }

            agent.signal(SIGINT)
            try await eventually("the nodes know that the agent left") {
                try await lab.start(on: 1, ["igropyr", "members"] + lab.access).finish()
                    .output.split(separator: "\n").contains { $0.contains("agent") && $0.contains("left") }
            }
        }
    }
}

extension Lab {
    /// `serf members` on that host: status by name; empty while its agent is not there yet.
    fileprivate func serfMembers(on host: Int) async throws -> [String: String] {
        struct Member: Decodable {
            var name: String
            var status: String
        }
        struct List: Decodable { var members: [Member] }
        let outcome = try await run(on: host, "serf", "members", "-format=json")
        guard outcome.status == 0 else { return [:] }
        let list = try JSONDecoder().decode(List.self, from: Data(outcome.output.utf8))
        return Dictionary(list.members.map { ($0.name, $0.status) }) { first, _ in first }
    }
}
