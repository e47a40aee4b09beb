import ArgumentParser
import Foundation
import IgropyrCluster
import IgropyrOrchestration

struct DeployCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Hand an application to the cluster, or a new revision of one.",
        discussion: """
            An application is an executable, or a folder: what its igropyr.yaml says it
            is, or a static site, with an index.html where --path leads. Any node takes
            it; all others fetch it and start its workers, hosts that join later too.

              igropyr deploy .build/release/Hello --name hello --node 10.0.0.1 \\
                  --key-file cluster.key
              igropyr deploy ./public --name site --path /docs
              igropyr deploy ./worker --name jobs --total 2 --where disk=ssd \\
                  --env LEVEL=info -- --threads 4
              igropyr deploy ./shop --check
              igropyr deploy ./shop --total 6 --plan
              igropyr deploy ./shop --secret DB_PASSWORD=password.txt
              igropyr deploy ./shop --encrypt

            What is said here goes before what the file says: variables and tags one by
            one, routes and arguments as a whole. Where neither says how many workers
            there are to be, an application keeps as many as it has (igropyr scale); a
            new one has one on each host.

            A new revision replaces the old one a few workers at a time, and what does
            not become healthy brings the last one back that stood:

              igropyr deploy ./shop --name shop --canary 1 --canary-hold 60
              igropyr deploy ./shop --name shop --max-surge 0 --max-unavailable 1

            Exit code 2: the canaries are good and wait for igropyr promote; or some hosts
            have no worker, as those that the bundle has no program for; or, with --plan,
            not all the workers asked for would find a place.
            """)

    @Argument(help: "The executable, or the folder of a static site or with an igropyr.yaml.", transform: nonempty)
    var bundle: String

    @Option(
        help: """
            What the application is called: letters a-z, digits and hyphens. Deployed again, it is replaced. Default: what \
            the file says, or what the folder or executable is called.
            """, transform: ApplicationName.init(_:))
    var name: ApplicationName?

    @Option(help: "The file that describes the application, if not igropyr.yaml in its folder.", transform: nonempty)
    var manifest: String?

    @Flag(help: "Read and check what would be deployed, and deploy nothing.")
    var check = false

    @Flag(help: "Show which workers would start, stop or be replaced, and deploy nothing.")
    var plan = false

    @OptionGroup var scale: ScaleOptions

    @Option(name: .customLong("where"), help: "Only on hosts that have this tag, as KEY=VALUE; may be repeated.")
    var constraints: [String] = []

    @Option(help: "Serve requests for this host name only.")
    var host: String?

    @Option(help: "Serve paths from here on. Default: /")
    var path: String?

    @Option(help: "Environment of the workers, as NAME=VALUE; may be repeated.")
    var env: [String] = []

    @Option(
        name: .customLong("secret"),
        help: "A value for a secret that the file names, as NAME=FILE, - for the standard input; may be repeated.")
    var secrets: [String] = []

    @Flag(
        help: "Encrypt what balancers and workers say to each other, under keys made from the cluster's.")
    var encrypt = false

    @Flag(help: "For programs: the deployment as it was made; with --plan, what would move.")
    var json = false

    @OptionGroup var waiting: WaitOption

    @OptionGroup var update: UpdateOptions

    @OptionGroup var control: ControlOptions

    @Argument(parsing: .postTerminator, help: "Arguments of the executable, after --.")
    var arguments: [String] = []

    func validate() throws {
        guard !check || !json else {
            throw ValidationError("--check is for people: leave --json out; the exit code says whether all is well.")
        }
    }

    func run() async throws {
        let manifest = try completeManifest()
        let application = try manifest.name ?? ownName()
        if check {
            let bundle = bundle
            let summary = try await onEventLoop { loop in
                try await Packing.bundle(bundle, manifest, on: loop) { summary, _ in summary }
            }
            return print(manifest.summary(of: application, summary))
        }
        let files = try KeyValuePairs.parse(secrets, option: "--secret", example: "DB_PASSWORD=password.txt")
        if let unknown = files.keys.sorted().first(where: { manifest.spec.secrets[$0] == nil }) {
            throw ValidationError("--secret \(unknown): \(manifest.file) names no such secret.")
        }
        if plan { return try await show(planOf: application, manifest, secrets: Set(files.keys)) }
        let values = try files.mapValues { try SecretValue.reading($0) }
        let (bundle, waiting) = (bundle, waiting)
        let (deployment, outcome) = try await control.withClient { client, node in
            let deployer = Deployer(client: client, node: node)
            let deployment = try await deployer.deploy(application, bundle: bundle, manifest, secrets: values)
            return (deployment, try await waiting.outcome(of: deployment, by: client, at: node))
        }
        guard json else { return try Self.tell(outcome, deployment) }
        print(try JSONText.of(deployment))
        if outcome?.shortcoming != nil { throw ExitCode.incomplete }
    }

    private func show(planOf application: ApplicationName, _ manifest: Manifest, secrets: Set<String>) async throws {
        let bundle = bundle
        let report = try await control.withClient { client, node in
            try await Deployer(client: client, node: node).plan(application, bundle: bundle, manifest, secrets: secrets)
        }
        print(try json ? JSONText.of(report) : report.text)
        if !report.shortfalls.isEmpty { throw ExitCode.incomplete }
    }

    private static func tell(
        _ outcome: RolloutWatch.Outcome?, _ deployment: Deployment
    ) throws {
        let name = deployment.name
        guard let outcome else { return print("deployed \(name); igropyr status shows how its workers start") }
        var text = "deployed \(name), revision \(deployment.spec?.revision.short ?? "")"
        if case .complete(let ready, let wanted, _, let unreached) = outcome {
            text += ": \(ready) of \(wanted.counting("worker")) ready"
            if !unreached.isEmpty {
                text += "\n\(unreached.joined(separator: ", ")) cannot be reached, and will get it once back, "
                text += "unless another is deployed there meanwhile"
            }
        }
        print(text)
        guard let shortcoming = outcome.shortcoming else { return }
        print(shortcoming)
        throw ExitCode.incomplete
    }

    /// What the folder or program is called itself.
    private func ownName() throws -> ApplicationName {
        let own = URL(filePath: bundle).standardizedFileURL.lastPathComponent
        guard let name = ApplicationName(resembling: own) else {
            throw ValidationError("--name is missing, and \"\(own)\" makes none: say it here, or in igropyr.yaml.")
        }
        return name
    }

    /// The file's, and on top of it what the options say.
    private func completeManifest() throws -> Manifest {
        var manifest = try Manifest(of: bundle, at: manifest)
        if let name { manifest.name = name }
        if !arguments.isEmpty { manifest.spec.arguments = arguments }
        if let scale = scale.scale { (manifest.spec.scale, manifest.namesScale) = (scale, true) }
        let variables = try KeyValuePairs.parse(env, option: "--env", example: "LEVEL=info")
        manifest.spec.environment.merge(variables) { $1 }
        let tags = try KeyValuePairs.parse(constraints, option: "--where", example: "disk=ssd")
        manifest.spec.constraints.merge(tags) { $1 }
        if host != nil || path != nil {
            manifest.spec.route = try Route(host: host, pathPrefix: path ?? "/")
            manifest.spec.furtherRoutes = []
        }
        if encrypt { manifest.spec.isEncrypted = true }
        manifest.spec.update = update.applied(to: manifest.spec.update)
        do {
            try manifest.spec.validate()
        } catch { throw ValidationError("\(error.reason).") }
        return manifest
    }
}
