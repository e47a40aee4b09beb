import ArgumentParser
import Foundation
import IgropyrCluster
import IgropyrOrchestration
import IgropyrUV

struct DeployCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Hand an application to the cluster, or a new revision of one.",
        discussion: """
            An application is an executable, or a folder: a static site. Any node
            takes it; all others fetch it and start its workers, hosts that join
            later too.

              igropyr deploy .build/release/Hello --name hello --node 10.0.0.1 \\
                  --key-file cluster.key
              igropyr deploy ./public --name site --path /docs
              igropyr deploy ./worker --name jobs --total 2 --where disk=ssd \\
                  --env LEVEL=info -- --threads 4
            """)

    @Argument(help: "The executable, or the folder of a static site.")
    var bundle: String

    @Option(help: "What the application is called: letters a-z, digits and hyphens. Deployed again, it is replaced.")
    var name: String

    @Option(help: "Workers on each host.")
    var perHost: Int = 1

    @Option(help: "Workers in the whole cluster, in place of so many on each host.")
    var total: Int?

    @Option(name: .customLong("where"), help: "Only on hosts that have this tag, as KEY=VALUE; may be repeated.")
    var constraints: [String] = []

    @Option(help: "Serve requests for this host name only.")
    var host: String?

    @Option(help: "Serve paths from here on.")
    var path: String = "/"

    @Option(help: "Environment of the workers, as NAME=VALUE; may be repeated.")
    var env: [String] = []

    @Option(help: "Seconds to wait until its workers are ready; 0: do not.")
    var wait: Int = 20

    @OptionGroup var control: ControlOptions

    @Argument(parsing: .postTerminator, help: "Arguments of the executable, after --.")
    var arguments: [String] = []

    func validate() throws {
        guard 0...3600 ~= wait else { throw ValidationError("--wait takes 0 to 3600 seconds.") }
    }

    func run() async throws {
        let application = try ApplicationName(name)
        let draft = try draftSpec()
        let (bundle, wait) = (bundle, wait)
        let report = try await control.withClient { client, node in
            let deployer = Deployer(client: client, node: node)
            let revision = try await deployer.deploy(application, bundle: bundle, draft)
            guard wait > 0 else { return "deployed \(application); igropyr status shows how its workers start" }
            return try await deployer.awaitWorkers(of: application, revision, for: .seconds(wait))
        }
        print(report)
    }

    private func draftSpec() throws -> Deployer.Draft {
        Deployer.Draft(
            arguments: arguments,
            environment: try KeyValuePairs.parse(env, option: "--env", example: "LEVEL=info"),
            scale: total.map { .total($0) } ?? .perHost(perHost),
            constraints: try KeyValuePairs.parse(constraints, option: "--where", example: "disk=ssd"),
            route: try Route(host: host, pathPrefix: path))
    }
}
