import FoundationEssentials
import Testing

extension EndToEnd {
    /// In pairs: two hosts that have link-local addresses only, and one with a global one beside a Serf agent.
    @Test func `hosts without IPv4 find each other by multicast, by link-local addresses, too`() async throws {
        try await Lab.network("4") { lab in
            try await lab.makeKey()
            for host in 1...4 { try await lab.ip("address", "flush", "dev", "eth0", "scope", "global", on: host) }
            for host in 3...4 { try await lab.ip("address", "add", global(host), "dev", "eth0", "nodad", on: host) }
            var nodes: [Program] = []
            for host in 1...2 {
                let address = try await lab.linkLocalAddress(of: host)
                nodes.append(try lab.startNode(on: host, at: "[\(address)%eth0]", "--discover", "near"))
            }
            let agent = try lab.startAgent(on: 4, at: "[fd00:77::4]", "-discover=far")
            nodes.append(try lab.startNode(on: 3, at: "[fd00:77::3]", "--discover", "far"))
            let log = { (nodes.map(\.errors) + [agent.output]).joined(separator: "\n") }
            try await lab.expectAlive(["host-1", "host-2"], on: 1, or: log())
            try await lab.expectAlive(["host-1", "host-2"], on: 2, or: log())
            try await lab.expectAlive(["agent", "host-3"], on: 3, or: log())
            // The control API needs the zone, too.
            try await eventually("each has the other's state", or: log()) {
                try await lab.run(on: 2, "igropyr", "status", "--key-file", lab.keyFile).output.contains("host-1")
            }
            // Whom to ask is on the network of one's own address.
            let token = try await lab.run(on: 1, "igropyr", "token", "--key-file", lab.keyFile)
            let (first, own) = (try await lab.linkLocalAddress(of: 1), try await lab.linkLocalAddress(of: 4))
            let joining = try lab.start(
                on: 4,
                [
                    "igropyr", "node", "--bind", "[\(own)%eth0]:9000", "--name", "late", "--data",
                    "\(lab.folder)/late", "--join", first, "--token", token.output.filter { !$0.isNewline },
                ])
            try await lab.expectAlive(["host-1", "host-2", "late"], on: 1, or: log() + joining.errors)
        }
    }

    @Test func `hosts with addresses of both families find each other, whichever they go by`() async throws {
        try await Lab.network("2") { lab in
            try await lab.makeKey()
            for host in 1...2 { try await lab.ip("address", "add", global(host), "dev", "eth0", "nodad", on: host) }
            let nodes = [
                try lab.startNode(on: 1, at: "[::]", "--advertise", lab.address(1), "--discover", "shop"),
                try lab.startNode(on: 2, at: "[::]", "--advertise", "[fd00:77::2]", "--discover", "shop"),
            ]
            let log = { nodes.map(\.errors).joined(separator: "\n") }
            for host in 1...2 { try await lab.expectAlive(["host-1", "host-2"], on: host, or: log()) }
        }
    }
}

private func global(_ host: Int) -> String { "fd00:77::\(host)/64" }

extension Lab {
    fileprivate func ip(_ arguments: String..., on host: Int) async throws {
        let outcome = try await Program.run(["ip", "-n", "igropyr-\(name)-\(host)"] + arguments)
        guard outcome.status == 0 else { throw Failure("ip \(arguments): \(outcome)") }
    }

    /// Once the kernel knows that no other host has it.
    fileprivate func linkLocalAddress(of host: Int) async throws -> String {
        var address: String?
        try await eventually("host \(host) has a link-local address") {
            let outcome = try await run(
                on: host, "ip", "-6", "-brief", "address", "show", "dev", "eth0", "scope", "link", "-tentative")
            address = outcome.output.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("fe80:") }
                .flatMap { $0.split(separator: "/").first.map(String.init) }
            return address != nil
        }
        return try #require(address)
    }

    fileprivate func startNode(on host: Int, at address: String, _ arguments: String...) throws -> Program {
        try start(
            on: host,
            ["igropyr", "node", "--bind", "\(address):7946", "--name", "host-\(host)", "--key-file", keyFile]
                + arguments)
    }

    fileprivate func startAgent(on host: Int, at address: String, _ arguments: String...) throws -> Program {
        let key = String(decoding: try Data(contentsOf: URL(filePath: keyFile)), as: UTF8.self)
        return try start(
            on: host,
            ["serf", "agent", "-node=agent", "-bind=\(address):7946", "-encrypt=\(key.filter { !$0.isWhitespace })"]
                + arguments)
    }

    /// Asks the node on that host, where it says it is.
    fileprivate func expectAlive(
        _ names: [String], on host: Int, or context: @autoclosure () -> String
    ) async throws {
        struct Member: Decodable { var name: String }
        try await eventually("\(names) are alive for host \(host)", or: context()) {
            let outcome = try await run(
                on: host, "igropyr", "members", "--status", "alive", "--json", "--key-file", keyFile)
            guard outcome.status == 0 else { return false }
            return try JSONDecoder().decode([Member].self, from: Data(outcome.output.utf8)).map(\.name) == names
        }
    }
}
