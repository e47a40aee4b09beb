import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    /// The session of the README, with real programs on hosts of their own.
    @Test func `a third host serves at most three seconds after its start, and nothing else is typed`() async throws {
        try await Lab.network("5") { lab in
            try await lab.makeKey()
            let url = "http://\(lab.address(1)):8080"
            let first = try lab.start(on: 1, lab.node(1))
            let second = try lab.start(on: 2, lab.node(2, joining: 1))
            let balancer = try lab.start(
                on: 1,
                [
                    "igropyr", "balancer", "--listen", "0.0.0.0:8080", "--bind", "\(lab.address(1)):7950", "--name",
                    "balancer", "--key-file", lab.keyFile, "--join", lab.address(1),
                ])
            try await lab.whenListening(on: 1, ports: 7946, 7947, 8080)
            let deployed = try await lab.deploy()
            #expect(deployed.status == 0, "\(deployed)")
            try await lab.answers(from: ["host-1", "host-2"], at: url)

            var (newcomers, times): ([Program], [Double]) = ([], [])
            // Without what programs waited for a processor; one that a busy machine still kept waiting has a successor.
            for host in 3...5 where !times.contains(where: { $0 <= 3 }) {
                let waitedBefore = secondsOfWaiting()
                newcomers.append(try lab.start(on: host, lab.node(host, joining: 2)))
                let seconds = try await newcomers.last!.secondsUntilAnswered(from: url, naming: "host-\(host)")
                times.append(seconds - (secondsOfWaiting() - waitedBefore))
            }
            print("join-to-serve: \(times) s")
            #expect(times.contains { $0 <= 3 }, "\(times) s")

            let hosts = 1...2 + times.count
            // The other hosts' news comes with the exchanges of states that follow the join.
            try await lab.statusSays("all are alive and all workers ready, as host 3 has it", on: 3) { status in
                Set(status.hosts.map(\.name)) == Set(hosts.map { "host-\($0)" } + ["balancer"])
                    && status.hosts.allSatisfy { $0.status == "alive" }
                    && hosts.allSatisfy { status.worker(on: $0)?.state == "ready" }
            }
            let text = try await lab.run(on: 3, "igropyr", "status")
            #expect(text.status == 0 && ["host-1", "host-2", "host-3", "hello"].allSatisfy(text.output.contains))
            for program in [first, second, balancer] + newcomers { #expect(program.exitStatus == nil) }
        }
    }
}

/// For how long programs of this machine have had to wait for a processor, as the kernel counts (`/proc/pressure/cpu`,
/// PSI); 0 where it does not.
private func secondsOfWaiting() -> Double {
    let text = (try? String(contentsOf: URL(filePath: "/proc/pressure/cpu"), encoding: .utf8)) ?? ""
    let microseconds = text.split(separator: "\n").first?.split(separator: "=").last.flatMap { Double($0) }
    return (microseconds ?? 0) / 1_000_000
}

extension Lab {
    /// The command of a node on that host.
    func node(_ host: Int, joining seed: Int? = nil) -> [String] {
        ["igropyr", "node", "--bind", address(host), "--name", "host-\(host)", "--key-file", keyFile]
            + (seed.map { ["--join", address($0)] } ?? [])
    }

    /// Waits until the TCP ports of the host take connections.
    func whenListening(on host: Int, ports: Int...) async throws {
        for port in ports {
            try await eventually("host \(host) listens on \(port)") {
                try await Program.run(["bash", "-c", "exec 3<>/dev/tcp/\(address(host))/\(port)"]).status == 0
            }
        }
    }
}

extension Program {
    /// Asks for ever new paths until a response names the host.
    ///
    /// By programs of its own and the kernel's clock: other tests may keep this process from looking.
    /// Since when: the start of the process, to 10 ms, as the kernel recorded it (`proc_pid_stat(5)`, field 22).
    fileprivate func secondsUntilAnswered(from url: String, naming name: String) async throws -> Double {
        let script = """
            round=0
            until curl --silent --max-time 20 "\(url)/$((++round))/[1-20]" | grep --quiet --word-regexp '\(name)'; do :; done
            read -r uptime _ </proc/uptime && echo "$uptime"
            """
        let outcome = try await Program.run(["timeout", "50", "bash", "-c", script])
        let statistics = try String(contentsOf: URL(filePath: "/proc/\(pid)/stat"), encoding: .utf8)
        let fields = statistics.split(separator: ")").last?.split(separator: " ") ?? []
        guard let answered = Double(outcome.output.filter { !$0.isWhitespace }), fields.count > 19,
            let started = Double(fields[19])
        else { throw Failure("\(name) does not answer: \(outcome), \(errors)") }
        return answered - started / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
