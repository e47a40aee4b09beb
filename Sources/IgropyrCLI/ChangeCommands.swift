import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration

/// What the commands that change a deployed application have in common.
struct ChangeOptions: ParsableArguments {
    @Argument(help: "The application's name.", transform: ApplicationName.init(_:))
    var name: ApplicationName

    @Flag(help: "For programs: the deployment as it is now.")
    var json = false

    @OptionGroup var control: ControlOptions

    /// Asks for the change, and says that it is `done`; waits for what comes of it as `waiting` says.
    /// - Throws: Exit code 2 if the rollout, or a part of the workers, waits for something else.
    func carryOut(
        _ change: ReplicatedState.Change, waiting: WaitOption? = nil, done: (Deployment) -> String
    ) async throws {
        let application = name
        let (deployment, outcome) = try await control.withClient { client, node in
            let deployment = try await client.change(application, change, at: node)
            return (deployment, try await waiting?.outcome(of: deployment, by: client, at: node))
        }
        print(try json ? JSONText.of(deployment) : "\(application) \(done(deployment))")
        guard let shortcoming = outcome?.shortcoming else { return }
        if !json { print(shortcoming) }
        throw ExitCode.incomplete
    }
}

struct RollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Go back to an earlier revision of an application: the last that stood, or one that is named.",
        discussion: """
            Arguments, environment, routes and the rest come back with it; the scale
            stays as it is. Workers are replaced as in a deployment. What is back
            already, as after an automatic rollback, is refused.

              igropyr rollback shop
              igropyr history shop
              igropyr rollback shop --to 3f9c0a
            """)

    @OptionGroup var change: ChangeOptions

    @Option(help: "The revision, or how it begins, as igropyr history shows it.", transform: nonempty)
    var to: String?

    @OptionGroup var waiting: WaitOption

    func run() async throws {
        let application = change.name
        var revision: BundleDigest?
        if let to {
            let deployment = try await change.control.withClient { client, node in
                try await client.deployment(application, at: node)
            }
            revision = try Self.revision(to, in: deployment)
        }
        try await change.carryOut(.rollback(to: revision), waiting: waiting) {
            "goes back to revision \($0.spec?.revision.short ?? "-")"
        }
    }

    private static func revision(_ start: String, in deployment: Deployment) throws -> BundleDigest {
        let known = Set(deployment.history.map(\.spec.revision))
        let matching = known.filter { $0.rawValue.hasPrefix(start.lowercased()) }
        guard let revision = matching.first, matching.count == 1 else {
            let list = known.sorted().map(\.short).joined(separator: ", ")
            throw CommandFailure(
                "\(matching.isEmpty ? "no" : "more than one") earlier revision of \(deployment.name) begins with "
                    + "\"\(start)\"; it remembers: \(list.isEmpty ? "none" : list)")
        }
        return revision
    }
}

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop a rollout where it is: no further worker is replaced, and nothing rolls back by itself.",
        discussion: """
              igropyr pause shop
              igropyr status
              igropyr resume shop
            """)

    @OptionGroup var change: ChangeOptions

    func run() async throws { try await change.carryOut(.pause) { "is paused; igropyr resume \($0.name) goes on" } }
}

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Go on with a rollout that was paused.",
        discussion: """
              igropyr resume shop
            """)

    @OptionGroup var change: ChangeOptions
    @OptionGroup var waiting: WaitOption

    func run() async throws {
        try await change.carryOut(.resume, waiting: waiting) { _ in "goes on" }
    }
}

struct PromoteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Let the other workers follow the canaries.",
        discussion: """
              igropyr deploy ./shop --name shop --canary 1
              igropyr promote shop
            """)

    @OptionGroup var change: ChangeOptions
    @OptionGroup var waiting: WaitOption

    func run() async throws {
        try await change.carryOut(.promote, waiting: waiting) { _ in "was promoted" }
    }
}

struct RestartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Replace all workers of an application by new ones of the same revision, a few at a time.",
        discussion: """
            As in a deployment: no request is lost, and it stops if they do not start.

              igropyr restart shop
            """)

    @OptionGroup var change: ChangeOptions
    @OptionGroup var waiting: WaitOption

    func run() async throws {
        try await change.carryOut(.restart, waiting: waiting) { _ in "was restarted" }
    }
}

struct RetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Try an application's revision again that was quarantined for its crashes.",
        discussion: """
            A revision whose workers crash again and again wherever they are started
            is tried no more (docs/supervision.md). This has every host try it again,
            and waits for what comes of it. So does a deployment, of it or another one.

              igropyr status
              igropyr retry shop
            """)

    @OptionGroup var change: ChangeOptions
    @OptionGroup var waiting: WaitOption

    func run() async throws {
        try await change.carryOut(.retry, waiting: waiting) { _ in "is tried again on every host" }
    }
}

struct ScaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "Change how many workers an application has.",
        discussion: """
              igropyr scale shop --total 6
              igropyr scale shop --per-host 2
              igropyr scale shop --per-host auto

            What would move: igropyr plan --app shop --total 6
            """)

    @OptionGroup var change: ChangeOptions
    @OptionGroup var scale: ScaleOptions
    @OptionGroup var waiting: WaitOption

    func run() async throws {
        guard let scale = scale.scale else { throw ValidationError("scale wants --per-host or --total.") }
        try await change.carryOut(.scale(to: scale), waiting: waiting) { _ in "has \(scale) now" }
    }
}
