import ArgumentParser
import IgropyrCluster

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show hosts, applications, workers and their shares of the requests.",
        discussion: """
            On a host that runs a node:

              igropyr status
              igropyr status --json | jq '.workers[] | select(.state != "ready")'

            From anywhere else:

              igropyr status --node 10.0.0.1 --key-file cluster.key
            """)

    @Flag(help: "For programs.")
    var json = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        let report = try await control.withClient { client, node in try await client.status(of: node) }
        print(try json ? JSONText.of(report) : StatusText(report).text)
    }
}

struct AppsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apps",
        abstract: "List the applications.",
        discussion: """
              igropyr apps
              igropyr apps --json
            """)

    @Flag(help: "For programs.")
    var json = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        let applications = try await control.withClient { client, node in try await client.applications(of: node) }
        guard !json else { return print(try JSONText.of(applications)) }
        print(applications.isEmpty ? "no applications" : StatusText.applications(applications))
    }
}
