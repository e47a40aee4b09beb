import ArgumentParser
import IgropyrCluster
import IgropyrUV

struct LeaveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "leave",
        abstract: "Have a node leave the cluster in peace, and end.",
        discussion: """
            As SIGTERM does it: others take over its part, balancers hear of it, its
            workers finish what they do. The cluster remembers that it left and did
            not fail. A supervisor that restarts it at any end brings it back: let
            systemd restart on failure only.

              igropyr leave
              igropyr leave --node 10.0.0.3 --key-file cluster.key
            """)

    /// How long its workers may take.
    private static let patience = Duration.seconds(120)

    @Flag(help: "For programs.")
    var json = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        let name = try await control.withClient { client, node in
            let name = try await client.members(of: node).host
            try await client.leave(node)
            let progress = CountLine("\(name) is leaving")
            defer { progress.finish() }
            let hasEnded = try await until(Self.patience, every: .milliseconds(200)) {
                progress.tick()
                return await !Self.isThere(node, client)
            }
            guard hasEnded else {
                throw CommandFailure(
                    "\(name) is still there after two minutes: its log says what it waits for, most often a worker")
            }
            return name
        }
        print(try json ? JSONText.of(["left": name]) : "\(name) has left the cluster and ended")
    }

    private static func isThere(_ node: SocketAddress, _ client: ControlClient) async -> Bool {
        do throws(ControlError) { _ = try await client.members(of: node) } catch { return error.code != .unreachable }
        return true
    }
}

struct ForceLeaveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "force-leave",
        abstract: "Declare that a failed member has left: nobody tries to reach it any more.",
        discussion: """
            For a host that will not come back, at least not under this name. Should
            it come back all the same, it is alive again.

              igropyr force-leave host-3
              igropyr force-leave host-3 --prune
            """)

    @Argument(help: "The member's name.", transform: nonempty)
    var name: String

    @Flag(help: "Forget it at once, too; else it is listed as left for a day.")
    var prune = false

    @Flag(help: "For programs.")
    var json = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        let message = ForceLeaveMessage(name: name, isPruning: prune)
        try await control.withClient { client, node in try await client.forceLeave(message, by: node) }
        guard !json else { return print(try JSONText.of([prune ? "forgotten" : "left": name])) }
        print(prune ? "\(name) is forgotten" : "\(name) counts as left")
    }
}
