import FoundationEssentials
import Testing

/// The same bytes for the same seed (SplitMix64).
func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return UInt8(truncatingIfNeeded: mixed ^ (mixed >> 31))
    }
}

extension EndToEnd {
    /// All of it from a host of the lab, whose network has no way out: a member answers to addresses that packets name.
    @Test func `random bytes on any port end in a closed connection, and everything runs on`() async throws {
        try await Lab.network("2", "--balancer") { lab in
            try await lab.startNodes(1...1, balancer: true)
            try await lab.serveHello(on: 1...1)
            for host in ["1", "balancer"] { try await lab.lab("exec", host, "ip", "route", "delete", "default") }
            let before = try await lab.processes(on: 1).sorted()
            let (node, balancer) = (lab.address(1), "\(lab.subnet).253")
            try lab.writeRandomFiles()

            let senders = try [(node, 7946), (node, 7947), (balancer, 7946), (balancer, 8080)].map { host, port in
                ("\(host):\(port)", try lab.sendStreams(to: host, port: port))
            }
            for host in [node, balancer] {
                let outcome = try await lab.sendDatagrams(to: host, port: 7946)
                #expect(outcome.status == 0, "\(outcome)")
            }
            for (target, sender) in senders {
                let outcome = try await sender.finish(within: .seconds(240))
                #expect(outcome.output.isEmpty, "\(target) leaves these connections open: \(outcome.output)")
            }

            #expect(try await lab.processes(on: 1).sorted() == before)
            #expect(try await lab.status().worker(on: 1)?.state == "ready")
            try await lab.lab("exec", "balancer", "curl", "--silent", "--fail", "http://\(balancer):8080/")
        }
    }
}

extension Lab {
    private static let files = 0..<32

    /// From one byte to more than any limit for what comes unasked; the first byte goes through all message types.
    fileprivate func writeRandomFiles() throws {
        for number in Self.files {
            let count = 1 << (number % 20)
            let bytes = [UInt8(number)] + randomBytes(count, seed: UInt64(number))
            try Data(bytes).write(to: URL(filePath: "\(folder)/random-\(number)"))
        }
    }

    /// Connections at once, a file each. Prints the numbers of those that the peer has not closed after 100 s: `cat`
    /// ends when it does, by a reset too.
    fileprivate func sendStreams(to host: String, port: Int) throws -> Program {
        let script = """
            send() {
                exec 3<>/dev/tcp/\(host)/\(port) || return
                timeout 100 cat '\(folder)'/random-$1 >&3 2>/dev/null || true
                timeout 100 cat <&3 >/dev/null 2>&1
                if [[ $? == 124 ]]; then echo "$1"; fi
            }
            for number in {\(Self.files.lowerBound)..\(Self.files.upperBound - 1)}; do send "$number" & done
            wait
            """
        return try start(on: 2, ["bash", "-c", script])
    }

    fileprivate func sendDatagrams(to host: String, port: Int) async throws -> Outcome {
        let script = """
            for number in {\(Self.files.lowerBound)..\(Self.files.upperBound - 1)}; do
                head -c 1400 '\(folder)'/random-$number >/dev/udp/\(host)/\(port)
            done
            """
        return try await run(on: 2, "bash", "-c", script)
    }
}
