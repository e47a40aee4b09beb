import ArgumentParser
import Foundation
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

enum JSONText {
    static func of(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// In one line, for streams.
    static func line(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // What came as JSON can be written as JSON.
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
