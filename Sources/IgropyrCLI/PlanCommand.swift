import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what would move, and why; nothing is changed.",
        discussion: """
            What is yet to happen, as things are:

              igropyr plan

            If hosts went, or an application had another scale:

              igropyr plan --without host-3
              igropyr plan --app shop --total 6 --json

            igropyr deploy … --plan does the same for what it would deploy.

            Exit code 2: an application would not get all the workers asked for.
            """)

    @Option(help: "A host that is thought away; may be repeated.", transform: HostName.init(_:))
    var without: [HostName] = []

    @Option(
        help: "An application that is thought to have the scale of --per-host or --total.",
        transform: ApplicationName.init(_:))
    var app: ApplicationName?

    @OptionGroup var scale: ScaleOptions

    @Flag(help: "For programs.")
    var json = false

    @OptionGroup var control: ControlOptions

    func validate() throws {
        guard (app == nil) == (scale.scale == nil) else {
            throw ValidationError("--app goes with --per-host or --total, and they with it.")
        }
    }

    func run() async throws {
        var request = PlanRequest()
        request.without = without
        request.application = app
        request.scale = scale.scale
        let question = request
        let report = try await control.withClient { client, node in try await client.plan(question, at: node) }
        print(try json ? JSONText.of(report) : report.text)
        if !report.shortfalls.isEmpty { throw ExitCode.incomplete }
    }
}

extension PlanReport {
    /// For people.
    var text: String {
        let remarks = [shortfalls, holds ?? [:]].flatMap { $0.sorted { $0.key < $1.key } }
        let lines = remarks.map { "  \($0.key): \($0.value)" }
        guard !moves.isEmpty else { return (["nothing would move"] + lines).joined(separator: "\n") }
        var table = Table("", "APPLICATION", "HOST", "NO", "WHY")
        for move in moves {
            table.add(move.kind.rawValue, move.application.rawValue, move.host.rawValue, "\(move.index)", move.reason)
        }
        return ([table.text] + lines).joined(separator: "\n")
    }
}
