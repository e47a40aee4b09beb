import ArgumentParser
import IgropyrSimulation
import IgropyrTime

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Let a cluster live with its troubles; count whom it takes for dead, and what it sends.",
        discussion: """
              MembershipSimulation --members 100 --profile lan --duration 1h
              MembershipSimulation --members 5 --loss 0.2 --pause 1,every=60s,for=0.5s..20s \\
                  --duration 24h --seeds 1000
              MembershipSimulation --members 10 --partition 4,every=2m,for=10s..60s

            A run is good if nobody who was well all the time was declared failed, and
            all members agree in the end. The first seed that is not good is printed
            with the command that repeats it; the exit status is then 1.
            """)

    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var faults: FaultOptions

    @Option(help: "How much time passes in the cluster: 90s, 10m, 24h.", transform: Span.parseDuration)
    var duration: Duration = .seconds(600)

    func validate() throws {
        guard duration > .zero else { throw ValidationError("--duration must be longer than 0.") }
    }

    func run() async throws {
        var scenario = cluster.scenario
        scenario.faults = try faults.faults()
        let (runs, duration, isSingle) = (scenario, duration, cluster.seeds == 1)
        let start = ContinuousClock.now
        let reports = try await SeedRuns.run(cluster.seedRange, jobs: cluster.jobs) { seed in
            try runs.run(seed: seed, for: duration) { if isSingle { Progress.show("seed \(seed)", $0) } }
        }
        let elapsed = start.duration(to: .now)
        if cluster.json {
            for report in reports { print(try JSONText.line(RunResult(report))) }
        } else {
            print(Text.table(rows(reports, elapsed)))
        }
        guard let bad = reports.first(where: { !$0.isGood }) else { return }
        print(
            "seed \(bad.seed) is not good; to repeat it:\n  swift run -c release MembershipSimulation \(command(bad.seed))"
        )
        throw ExitCode.failure
    }

    private func command(_ seed: UInt64) -> String {
        cluster.repeated + faults.repeated + " --duration \(Text.seconds(duration))s --seed \(seed)"
    }

    private func rows(_ reports: [RunReport], _ elapsed: Duration) -> [[String]] {
        func sum(_ count: (RunReport) -> Int) -> String { "\(reports.reduce(0) { $0 + count($1) })" }
        func mean(_ figure: (RunReport) -> Double) -> String {
            Text.fixed(reports.reduce(0) { $0 + figure($1) } / Double(max(1, reports.count)), 0) + " B/s"
        }
        let convergence = Distribution(reports.compactMap(\.convergence))
        let simulated = Double(reports.count) * Double(duration.nanosecondsClamped)
        return [
            ["seeds", "\(reports.count)"],
            ["good", sum { $0.isGood ? 1 : 0 }],
            ["simulated, each", "\(Text.seconds(duration)) s"],
            ["simulated time beside real time", Text.fixed(simulated / Double(max(1, elapsed.nanosecondsClamped)), 0)],
            ["declared failed though well all the time", sum(\.falseDeclarations)],
            ["declared failed after they had recovered", sum(\.lateDeclarations)],
            ["declared failed rightly", sum(\.rightDeclarations)],
            ["refutations", sum(\.refutations)],
            ["datagrams", sum(\.datagrams)],
            ["dropped by full sockets", sum(\.overflows)],
            ["sent by a member", mean(\.bytesSentPerSecond)],
            ["received by a member", mean(\.bytesReceivedPerSecond)],
            [
                "one view again, slowest",
                Text.inSeconds(reports.allSatisfy { $0.convergence != nil } ? convergence.longest : nil),
            ],
            ["digest", reports.count == 1 ? String(reports[0].digest, radix: 16) : "-"],
        ]
    }
}
