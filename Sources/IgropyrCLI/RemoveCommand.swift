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

    @Flag(help: "For programs: the entry that is left, without what was deployed.")
    var json = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        let application = name
        let entry = try await control.withClient { client, node in try await client.remove(application, at: node) }
        print(try json ? JSONText.of(entry) : "removed \(application): its workers stop on every host")
    }
}
