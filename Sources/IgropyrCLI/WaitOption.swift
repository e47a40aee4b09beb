import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration
import IgropyrUV

/// How long a command waits for what it asked for.
struct WaitOption: ParsableArguments {
    @Option(help: "Seconds that nothing may change before this gives up waiting; 0: do not wait.")
    var wait: Int = 20

    func validate() throws {
        guard 0...3600 ~= wait else { throw ValidationError("--wait takes 0 to 3600 seconds.") }
    }

    /// What comes of the deployment; nil if that is not waited for.
    func outcome(
        of deployment: Deployment, by client: ControlClient, at node: SocketAddress
    ) async throws -> RolloutWatch.Outcome? {
        guard wait > 0 else { return nil }
        do {
            return try await RolloutWatch(client: client, node: node).follow(deployment, for: .seconds(wait))
        } catch let error as ControlError where error.code == .wrongKey {
            // Another did fit a moment ago.
            throw CommandFailure(
                "\(deployment.name) is deployed, but the cluster's key was changed in the meantime: igropyr status with the new "
                    + "--key-file shows how its workers start")
        }
    }
}
