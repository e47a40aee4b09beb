import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration
import IgropyrUV

/// The host that a command is about, and how it is reached.
struct HostOptions: ParsableArguments {
    @Argument(help: "The host's name, as igropyr status shows it.", transform: HostName.init(_:))
    var host: HostName

    @Flag(help: "For programs: how the host stands now.")
    var json = false

    @OptionGroup var control: ControlOptions

    /// Calls `body` with a client, the node that was named by `--node`, and the host's own.
    func withHost<Result: Sendable>(
        _ body: @escaping @Sendable (ControlClient, _ node: SocketAddress, _ host: SocketAddress) async throws -> Result
    ) async throws -> Result {
        let host = host
        return try await control.withClient { client, node in
            try await body(client, node, try await client.status(of: node).controlAddress(of: host))
        }
    }

    /// Says what was done, to people as `text`. `workers`: those that it still has, if that is known.
    func tell(_ scheduling: Scheduling, workers: Int? = nil, _ text: String) throws {
        let standing = HostStanding(host: host, scheduling: scheduling, workers: workers)
        print(try json ? JSONText.of(standing) : text)
    }
}

private struct HostStanding: Encodable {
    var host: HostName
    var scheduling: Scheduling
    var workers: Int?
}

extension StatusReport {
    /// Where a node that is alive is asked.
    func controlAddress(of name: HostName) throws -> SocketAddress {
        let nodes = hosts.filter { $0.role == .node }
        guard let entry = nodes.first(where: { $0.name == name.rawValue }) else {
            throw DeploymentError.unknownHost(name, nodes: nodes.compactMap { HostName(rawValue: $0.name) })
        }
        guard entry.status == .alive, let address = entry.controlSocketAddress else {
            throw CommandFailure("\(name) \(entry.status.predicate): it cannot be asked until it is back")
        }
        return address
    }
}

extension StatusReport.Host {
    var controlSocketAddress: SocketAddress? {
        controlAddress.flatMap { SocketAddress(parsing: $0, defaultPort: 0) }
    }
}

struct CordonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cordon",
        abstract: "Give a host no further workers; those that it has stay.",
        discussion: """
            It lasts through restarts, until igropyr uncordon.

              igropyr cordon host-3
            """)

    @OptionGroup var target: HostOptions

    func run() async throws {
        try await target.withHost { client, _, host in try await client.schedule(.cordoned, at: host) }
        try target.tell(.cordoned, "\(target.host) gets no further workers; igropyr uncordon \(target.host) ends that")
    }
}

struct UncordonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "uncordon",
        abstract: "Give a host workers again, after cordon or drain.",
        discussion: """
              igropyr uncordon host-3
            """)

    @OptionGroup var target: HostOptions

    func run() async throws {
        try await target.withHost { client, _, host in try await client.schedule(.active, at: host) }
        try target.tell(.active, "\(target.host) takes its share again")
    }
}

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Empty a host: others take over first, then its workers finish what they do, and end.",
        discussion: """
            It stays a member, and empty, through restarts too, until igropyr uncordon.
            What would move: igropyr plan --without host-3

              igropyr drain host-3
              igropyr drain host-3 --wait 0

            Exit code 2: it is not empty yet, and goes on.
            """)

    @Option(help: "Seconds to wait until it is empty; 0: do not.")
    var wait: Int = 120

    @OptionGroup var target: HostOptions

    func validate() throws {
        guard 0...3600 ~= wait else { throw ValidationError("--wait takes 0 to 3600 seconds.") }
    }

    func run() async throws {
        let (name, wait) = (target.host, wait)
        let left = try await target.withHost { client, _, host -> Int? in
            try await client.schedule(.drained, at: host)
            guard wait > 0 else { return nil }
            let line = CountLine("\(name) is drained, workers left")
            defer { line.finish() }
            var left = 0
            var most = 0
            _ = try await until(.seconds(wait), every: .milliseconds(200)) {
                left = try await client.status(of: host).workers.count { $0.host == name }
                most = max(most, left)
                line.show(left, of: most)
                return left == 0
            }
            return left
        }
        guard let left, left > 0 else {
            return try target.tell(.drained, workers: left, left == 0 ? "\(name) is empty" : "\(name) is being emptied")
        }
        try target.tell(
            .drained, workers: left,
            "\(name) still has \(left.counting("worker")): igropyr status shows which; it goes on by itself")
        throw ExitCode.incomplete
    }
}
