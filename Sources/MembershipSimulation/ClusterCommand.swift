import ArgumentParser
import IgropyrSimulation
import IgropyrTime

struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Let a whole cluster run applications, with its troubles and operators; see that it comes right.",
        discussion: """
              MembershipSimulation cluster --seeds 10000 --jobs 2
              MembershipSimulation cluster --members 10 --loss 0.2 --seed 77

            Each host has its copy of the cluster's state, places, supervises and rolls out
            by the code that ships; workers die, some revisions are bad; hosts are paused,
            cut off and lose their power; operators deploy, scale, roll back and drain at
            any host. After --duration all troubles end. A run is good if then, within five
            minutes, all hosts have the same state, every slot has one worker of the right
            revision, nothing else runs, and no accepted deployment is lost. The first seed
            that is not good is printed with the command that repeats it; the exit status
            is then 1.
            """)

    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var faults: FaultOptions

    @Option(help: "How long troubles last: 60s, 10m.", transform: Span.parseDuration)
    var duration: Duration = .seconds(60)

    @Option(help: "Between two acts of an operator, on average.", transform: Span.parseDuration)
    var operate: Duration = .seconds(8)

    func validate() throws {
        guard 2...100 ~= cluster.members else { throw ValidationError("--members takes 2 to 100 here.") }
        guard duration > .zero, operate > .zero else {
            throw ValidationError("--duration and --operate must be longer than 0.")
        }
    }

    func run() async throws {
        let scenario = try scenario
        let start = ContinuousClock.now
        let reports = try await SeedRuns.run(cluster.seedRange, jobs: cluster.jobs) { try scenario.run(seed: $0) }
        if cluster.json {
            for report in reports { print(try JSONText.line(ClusterResult(report))) }
        } else {
            print(Text.table(rows(reports, start.duration(to: .now))))
        }
        guard let bad = reports.first(where: { $0.flaw != nil }) else { return }
        print(
            """
            seed \(bad.seed) is not good: \(bad.flaw ?? ""); to repeat it:
              swift run -c release MembershipSimulation cluster \(cluster.repeated)\(faults.repeated) \
            --duration \(Text.seconds(duration))s --operate \(Text.seconds(operate))s --seed \(bad.seed)
            """)
        throw ExitCode.failure
    }

    /// Without faults named, some of each kind.
    private var scenario: ClusterScenario {
        get throws {
            var scenario = ClusterScenario(settings: cluster.scenario.settings)
            scenario.hosts = cluster.members
            scenario.network = cluster.scenario.network
            let named = try faults.faults()
            scenario.faults = named.isEmpty ? ClusterScenario.troubles : named
            (scenario.duration, scenario.operationInterval) = (duration, operate)
            return scenario
        }
    }

    private func rows(_ reports: [ClusterReport], _ elapsed: Duration) -> [[String]] {
        func sum(_ count: (ClusterReport) -> Int) -> String { "\(reports.reduce(0) { $0 + count($1) })" }
        let convergence = Distribution(reports.compactMap(\.convergence))
        return [
            ["seeds", "\(reports.count)"],
            ["good", sum { $0.flaw == nil ? 1 : 0 }],
            ["simulated troubles, each", "\(Text.seconds(duration)) s"],
            ["deployments", sum(\.deployments)],
            ["rollbacks by themselves", sum(\.rollbacks)],
            ["workers that died", sum(\.workerDeaths)],
            ["as it should be after", Text.inSeconds(convergence.longest) + " at the slowest"],
            ["seconds taken", Text.fixed(Double(elapsed.nanosecondsClamped) / 1e9, 1)],
            ["digest", reports.count == 1 ? String(reports[0].digest, radix: 16) : "-"],
        ]
    }
}

private struct ClusterResult: Encodable {
    let seed: UInt64
    let digest: String
    let deployments: Int
    let rollbacks: Int
    let workerDeaths: Int
    let convergenceSeconds: Double?
    let flaw: String?

    init(_ report: ClusterReport) {
        seed = report.seed
        digest = String(report.digest, radix: 16)
        (deployments, rollbacks, workerDeaths) = (report.deployments, report.rollbacks, report.workerDeaths)
        convergenceSeconds = report.convergence.map { Double($0.nanosecondsClamped) / 1e9 }
        flaw = report.flaw
    }
}
