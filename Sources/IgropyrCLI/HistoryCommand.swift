import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration

struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "List what was deployed under a name, the latest first, and what became of it.",
        discussion: """
              igropyr history shop
              igropyr history shop --json | jq -r '.history[].spec.revision'
            """)

    @Argument(help: "The application's name.", transform: ApplicationName.init(_:))
    var name: ApplicationName

    @Flag(help: "For programs.")
    var json = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        let application = name
        let deployment = try await control.withClient { client, node in
            try await client.deployment(application, at: node)
        }
        print(try json ? JSONText.of(deployment) : Self.table(of: deployment))
    }

    private static func table(of deployment: Deployment) -> String {
        var table = Table("LAST CHANGED", "REVISION", "SCALE", "OUTCOME", "")
        if let spec = deployment.spec {
            let progress = deployment.progress
            let state = progress.isComplete ? "stands" : progress.isPaused ? "paused" : "under way"
            table.add(
                ClockTime.text(deployment.changedAt), spec.revision.short, "\(spec.scale)", state,
                [progress.cause.rawValue, progress.reason].filter { !$0.isEmpty }.joined(separator: ": "))
        }
        for past in deployment.history {
            table.add(
                ClockTime.text(past.time), past.spec.revision.short, "\(past.spec.scale)", past.outcome.rawValue, "")
        }
        return table.text
    }
}
