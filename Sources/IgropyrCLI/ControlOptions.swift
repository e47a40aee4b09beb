import ArgumentParser
import Foundation
import Glibc
import IgropyrCluster
import IgropyrUV

/// Which node a command talks to, and with what key.
///
/// Without options: the node of this host, by what it wrote to its data folder; else one on 127.0.0.1 without a key.
struct ControlOptions: ParsableArguments {
    @Option(
        help: "A node: its address or name, with :PORT if its control port is not 7947. (env IGROPYR_NODE)",
        transform: EndpointArgument.init(parsing:))
    var node: EndpointArgument?

    @Option(help: "The file with the cluster key. (env IGROPYR_KEY_FILE)", transform: nonempty)
    var keyFile: String?

    @Option(help: "The data folder of this host's node. (env IGROPYR_DATA)", transform: nonempty)
    var data: String?

    /// Where this host's node says how it is reached: the user's own, or the one that is installed.
    private var dataFolders: [String] {
        if let named = data ?? EnvironmentVariable.data.value { return [named] }
        return [NodeConfiguration.defaultDataFolder, NodeConfiguration.systemDataFolder]
    }

    /// What this host's node says of itself; nil if none runs.
    private var announced: NodeFile? { dataFolders.lazy.compactMap(NodeFile.read(fromDataFolder:)).first }

    /// The folder of a node that may be there, but not for this user.
    private var forbiddenFolder: String? {
        dataFolders.first { unsafe access("\($0)/\(NodeFile.name)", R_OK) != 0 && errno == EACCES }
    }

    /// The cluster's key; nil if none is named and this host's node has none.
    func readKey() throws -> ClusterKey? {
        try (keyFile ?? EnvironmentVariable.keyFile.value ?? announced?.keyFile).map(ClusterKey.reading)
    }

    /// Calls `body` with a client and the node's address, on an event loop of its own.
    func withClient<Result: Sendable>(
        _ body: @escaping @Sendable (ControlClient, SocketAddress) async throws -> Result
    ) async throws -> Result {
        let (announced, key) = (announced, try readKey())
        let named = try node ?? EnvironmentVariable.node.value.map(Self.endpoint)
        let forbiddenFolder = named == nil && announced == nil ? forbiddenFolder : nil
        return try await onEventLoop { loop in
            let address: SocketAddress
            if let named {
                address = try await named.address(defaultPort: ControlAPI.defaultPort, option: "--node")
            } else {
                address =
                    announced.flatMap { SocketAddress(parsing: $0.control, defaultPort: ControlAPI.defaultPort) }
                    ?? .loopback(port: ControlAPI.defaultPort)
            }
            let client = try ControlClient(on: loop, key: key, user: Self.user, zone: address.zone) {
                try? readKey()
            }
            do {
                let result = try await body(client, address)
                await client.close()
                return result
            } catch {
                await client.close()
                if let forbiddenFolder, (error as? ControlError)?.code == .unreachable {
                    throw CommandFailure(
                        "no node answers at \(address), and \(forbiddenFolder), where this host's would say where it is, cannot be "
                            + "read: permission denied; use sudo, or --node and --key-file")
                }
                throw error
            }
        }
    }

    /// The same for what goes on until Ctrl-C, which then ends it without an error, or until nobody reads standard
    /// output. Should the node end first, that is one. A body that acts, and not only tells, `endsWithReader` had
    /// better not.
    func following(
        endsWithReader: Bool = true,
        _ body: @escaping @Sendable (ControlClient, SocketAddress) async throws -> Void
    ) async throws {
        try await withClient { client, node in
            let signals = ServiceSignals(on: client.loop, hearing: [.end])
            try await signals.start()
            let following = Task(executorPreference: client.loop) {
                defer { signals.requestEnd() }
                try await body(client, node)
            }
            let reader = Task(executorPreference: client.loop) {
                while !(endsWithReader && Terminal.isAbandoned) { try await Task.sleep(for: .milliseconds(500)) }
                signals.requestEnd()
            }
            await signals.waitForEnd()
            reader.cancel()
            following.cancel()
            let outcome = await following.result
            await signals.close()
            do {
                try outcome.get()
                guard Terminal.hasWrittenAll else { return }  // Which ends it; the end of the program says why.
                throw CommandFailure("the node at \(node) has ended")
            } catch is CancellationError {
            } catch let error as ControlError where error.code == .cancelled {}
        }
    }

    /// For audit logs, where this tells more than it proves.
    private static var user: String { "\(NSUserName())@\(CurrentProcess.hostName)" }

    private static func endpoint(_ text: String) throws -> EndpointArgument {
        guard let endpoint = try? EndpointArgument(parsing: text) else {
            throw CommandFailure(
                "IGROPYR_NODE is \"\(text)\": it takes an address or a name, and a port if it is not 7947.")
        }
        return endpoint
    }
}
