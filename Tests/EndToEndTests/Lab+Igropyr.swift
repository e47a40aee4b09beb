import FoundationEssentials
import Glibc
import Testing

/// The commands that the tests give, as a user would.
extension Lab {
    /// Makes a key, then starts the nodes by `cluster/lab`, and its balancer; other hosts stay empty.
    func startNodes(_ hosts: ClosedRange<Int>, balancer: Bool = false) async throws {
        try await makeKey()
        for host in hosts { try await lab("start", "\(host)") }
        if balancer { try await lab("start", "balancer") }
    }

    /// Starts a node with the lab's key and these options besides.
    func startNode(on host: Int, _ arguments: String...) throws -> Program {
        try start(
            on: host,
            [
                "igropyr", "node", "--bind", address(host), "--name", "host-\(host)", "--data",
                "\(folder)/\(host)/data", "--key-file", keyFile,
            ] + arguments)
    }

    func makeKey() async throws {
        try await makeKey(at: keyFile)
    }

    func makeKey(at path: String) async throws {
        let script = "umask 077 && '\(Binaries.igropyr)' keygen >'\(path)'"
        let outcome = try await Program.run(["bash", "-c", script])
        guard outcome.status == 0 else { throw Failure("keygen: \(outcome)") }
    }

    /// The options by which a command finds the first node and is let in.
    var access: [String] { ["--node", address(1), "--key-file", keyFile] }

    @discardableResult
    func deploy(
        _ path: String = Binaries.hello, name: String = "hello", route: String = "/"
    ) async throws -> Outcome {
        try await start(on: 1, ["igropyr", "deploy", path, "--name", name, "--path", route] + access)
            .finish()
    }

    /// `igropyr COMMAND…` on a host, about the node there.
    func command(_ words: String..., on host: Int = 1) async throws -> Outcome {
        try await command(words, on: host)
    }

    func command(_ words: [String], on host: Int = 1) async throws -> Outcome {
        let access = ["--node", address(host), "--key-file", keyFile]
        return try await start(on: host, ["igropyr"] + words + access).finish()
    }

    /// The same where anything but success ends the test; what it printed.
    @discardableResult
    func succeed(_ words: String...) async throws -> String {
        let outcome = try await command(words)
        try #require(outcome.status == 0, "\(words): \(outcome)")
        return outcome.output
    }

    /// Makes a file, and the folder that it lies in.
    func write(_ text: String, to path: String, permissions: Int = 0o644) throws {
        let file = URL(filePath: path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
    }

    /// Deploys `Examples/Hello` and waits until the balancer hands requests to each of the hosts, and host 1 knows of
    /// it, too.
    func serveHello(on hosts: ClosedRange<Int>) async throws {
        let outcome = try await deploy()
        try #require(outcome.status == 0, "\(outcome)")
        let all = Set(hosts.map { "host-\($0)" })
        try await answers(from: all)
        try await statusSays("all are ready") { Set($0.readyWorkers.map(\.host)) == all }
    }

    /// The processes of a command of `igropyr` on a host, or on the lab's own.
    func processes(of command: String, on host: Int? = nil) async throws -> [pid_t] {
        let space = "igropyr-\(name)-\(host.map(String.init) ?? "balancer")"
        let outcome = try await Program.run(["ip", "netns", "pids", space])
        return outcome.output.split(separator: "\n").compactMap { pid_t($0) }.filter { pid in
            let words = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
            return words.split(separator: 0).dropFirst().first.map { String(decoding: $0, as: UTF8.self) } == command
        }
    }

    /// Waits until the balancer hands requests to these hosts, and to no other.
    func answers(
        from hosts: Set<String>, at url: String? = nil, or details: @autoclosure () -> String = ""
    ) async throws {
        try await eventually("\(hosts.sorted()) answer", or: details()) {
            let found = try await hostsAnswering(url ?? entrance)
            guard found == hosts else { throw Failure("\(found.sorted()) do") }
            return true
        }
    }

    /// The hosts that answer when 60 paths are asked for.
    func hostsAnswering(_ url: String) async throws -> Set<String> {
        let outcome = try await Program.run(["curl", "--silent", "--show-error", "--max-time", "20", "\(url)/[1-60]"])
        guard outcome.status == 0 else { throw Failure("curl: \(outcome)") }
        return Set(outcome.output.matches(of: /host-[0-9]+/).map { String($0.output) })
    }

    /// The status of a GET; 0 if there was no answer.
    func statusCode(_ url: String) async throws -> Int {
        let outcome = try await Program.run([
            "curl", "--silent", "--max-time", "20", "--output", "/dev/null", "--write-out", "%{http_code}", url,
        ])
        return Int(outcome.output) ?? 0
    }

    /// Waits until that is so of what `igropyr status` says on the host; if it never is, what it says is told.
    func statusSays(
        _ what: String, on host: Int = 1, or details: @autoclosure () -> String = "", _ isSo: (ClusterStatus) -> Bool
    ) async throws {
        try await eventually(what, or: details()) {
            let status = try await status(on: host)
            guard isSo(status) else { throw Failure("\(status)") }
            return true
        }
    }

    /// What `igropyr status --json` says on the host.
    func status(on host: Int = 1) async throws -> ClusterStatus {
        let outcome = try await start(on: host, ["igropyr", "status", "--json"] + access).finish()
        guard outcome.status == 0 else { throw Failure("status: \(outcome)") }
        return try JSONDecoder().decode(ClusterStatus.self, from: Data(outcome.output.utf8))
    }
}
