import FoundationEssentials
import Glibc
import Synchronization

/// Hosts in network namespaces, made and removed by `cluster/lab`.
struct Lab: Sendable {
    let name: String
    let subnet: String

    private static let count = Mutex(0)

    /// Makes a lab, hands it to `body`, and removes it with all that runs in it, however `body` ends.
    /// The arguments are those of `cluster/lab up`, as in `"3", "--balancer"`.
    static func up(_ arguments: String..., body: (Lab) async throws -> Void) async throws {
        try await with("up", arguments, body)
    }

    /// As ``up(_:body:)``, but nothing runs on the hosts.
    static func network(_ arguments: String..., body: (Lab) async throws -> Void) async throws {
        try await with("network", arguments, body)
    }

    private static func with(_ command: String, _ arguments: [String], _ body: (Lab) async throws -> Void) async throws
    {
        let lab = try await make(command, arguments)
        do {
            try await body(lab)
        } catch {
            let logs = lab.logs
            try await lab.down()
            throw Failure("\(error)\n\(logs)")
        }
        try await lab.down()
    }

    /// In a task of its own: a test that is cancelled, being over time, still cleans up.
    private func down() async throws {
        _ = try await Task { try await lab("down") }.value
    }

    /// Its own name and subnet, so that several runs on one machine do not meet.
    private static func make(_ command: String, _ arguments: [String]) async throws -> Lab {
        for _ in 0..<20 {
            let number = count.withLock { count in
                count += 1
                return count
            }
            let lab = Lab(name: "e\(getpid())x\(number)", subnet: "10.\(64 + (Int(getpid()) + number) % 60).0")
            let outcome = try await Program.run(
                [Binaries.lab, "--name", lab.name, "--subnet", lab.subnet, command] + arguments,
                environment: Binaries.environment)
            if outcome.status == 0 { return lab }
            guard outcome.errors.contains("is in use on this machine") else {
                let logs = lab.logs
                try await lab.down()
                throw Failure("cluster/lab \(command): \(outcome)\n\(logs)")
            }
            try await lab.down()
        }
        throw Failure("no free subnet among 20 for a lab")
    }

    /// Where `cluster/lab` keeps data, logs and the key.
    var folder: String { "\(ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp")/igropyr-lab-\(name)" }

    var keyFile: String { "\(folder)/cluster.key" }

    /// Where the lab's own balancer, if it has one, is reached from this machine.
    var entrance: String { "http://\(subnet).253:8080" }

    func address(_ host: Int) -> String { "\(subnet).\(host)" }

    /// Runs `cluster/lab COMMAND…` for this lab.
    /// - Throws: ``Failure`` unless it ends with 0.
    @discardableResult
    func lab(_ command: String...) async throws -> String {
        let outcome = try await Program.run(
            [Binaries.lab, "--name", name] + command, environment: Binaries.environment)
        guard outcome.status == 0 else { throw Failure("cluster/lab \(command): \(outcome)") }
        return outcome.output
    }

    /// Starts a command on a host; its `pid` is the command's own. Its data folder is the host's.
    func start(on host: Int, _ command: [String]) throws -> Program {
        try Program([Binaries.lab, "--name", name, "exec", "\(host)"] + command, environment: Binaries.environment)
    }

    /// Runs a command on a host to its end.
    func run(on host: Int, _ command: String...) async throws -> Outcome {
        try await start(on: host, command).finish()
    }

    /// The processes on a host.
    func processes(on host: Int) async throws -> [pid_t] {
        let outcome = try await Program.run(["ip", "netns", "pids", "igropyr-\(name)-\(host)"])
        return outcome.output.split(separator: "\n").compactMap { pid_t($0) }
    }

    /// Waits until nothing runs on the host: a node's helpers may end a moment after it.
    func becomesEmpty(_ host: Int) async throws {
        try await eventually("nothing runs on host \(host)") {
            let left = try await processes(on: host).map { pid in
                let words = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
                return "\(pid) "
                    + words.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
            }
            guard left.isEmpty else { throw Failure("\(left)") }
            return true
        }
    }

    /// The ends of what the hosts printed, to be told with a failure.
    private var logs: String {
        let hosts = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return hosts.sorted().compactMap { host in
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(host)/log") else { return nil }
            return "-- log of \(host) --\n" + String(decoding: data.suffix(3000), as: UTF8.self)
        }.joined(separator: "\n")
    }
}
