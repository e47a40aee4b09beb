import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration

struct RemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Take an application out of the cluster: all its workers finish what they do, and end.",
        discussion: """
              igropyr remove hello
              igropyr remove hello --node 10.0.0.1 --key-file cluster.key
            """)

    @Argument(help: "The application's name.", transform: ApplicationName.init(_:))
    var name: ApplicationName

    @OptionGroup var control: ControlOptions

    func run() async throws {
        let application = name
        _ = try await control.withClient { client, node in try await client.remove(application, at: node) }
        print("removed \(application): its workers stop on every host")
    }
}
