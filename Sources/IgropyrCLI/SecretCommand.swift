import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration

struct SecretCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secret",
        abstract: "Give an application a value that only its workers see.",
        discussion: """
            The application's igropyr.yaml names its secrets; their values are stored
            under a key that is made from the cluster's. They are read from a file or
            the standard input, never from the command line, which others can see.

              igropyr secret set shop DB_PASSWORD < password.txt
              igropyr secret set shop TLS_KEY --file key.pem

            The workers are replaced as in a deployment; those that do not start with the
            new value bring the old one back.
            """,
        subcommands: [Set.self])

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set a secret's value.",
            discussion: """
                  igropyr secret set shop DB_PASSWORD < password.txt
                  igropyr secret set shop TLS_KEY --file key.pem

                A line end at the end of the value is dropped, unless --exact.
                """)

        @Argument(help: "The application's name.", transform: ApplicationName.init(_:))
        var application: ApplicationName

        @Argument(help: "The secret's name.", transform: nonempty)
        var name: String

        @Option(help: "The file with the value. Default: the standard input.", transform: nonempty)
        var file: String?

        @Flag(help: "Keep a line end at the end of the value.")
        var exact = false

        @OptionGroup var waiting: WaitOption

        @Flag(help: "For programs: the deployment as it is now.")
        var json = false

        @OptionGroup var control: ControlOptions

        func run() async throws {
            let (application, name, waiting) = (application, name, waiting)
            let value = try SecretValue.reading(file ?? "-", isExact: exact)
            let (deployment, outcome) = try await control.withClient { client, node in
                try await client.setSecret(name, of: application, to: value, at: node)
                let deployment = try await client.deployment(application, at: node)
                return (deployment, try await waiting.outcome(of: deployment, by: client, at: node))
            }
            let shortcoming = outcome?.shortcoming
            let replaced = outcome == nil ? ": its workers are replaced" : ": its workers have the new value"
            print(
                try json
                    ? JSONText.of(deployment) : "set \(name) of \(application)\(shortcoming == nil ? replaced : "")")
            guard let shortcoming else { return }
            if !json { print(shortcoming) }
            throw ExitCode.incomplete
        }
    }
}
