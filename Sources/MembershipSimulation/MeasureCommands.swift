import ArgumentParser
import IgropyrSimulation

struct DetectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detect",
        abstract: "How long until all know that a host has lost its power.",
        discussion: "  MembershipSimulation detect --members 5 --seeds 1000")

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        try await Measure.run("detect", cluster) { scenario, seed in try scenario.detection(seed: seed) }
    }
}

struct KillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "How long until all know that a member's process has ended, while its host runs on.",
        discussion: "  MembershipSimulation kill --members 10 --seeds 1000")

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        try await Measure.run("kill", cluster) { scenario, seed in try scenario.death(seed: seed) }
    }
}

struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "How long until all know a member that joins, and it them.",
        discussion: "  MembershipSimulation join --members 1000 --seeds 10")

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        try await Measure.run("join", cluster) { scenario, seed in try scenario.joining(seed: seed) }
    }
}

struct HealCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "heal",
        abstract: "How long until two halves that were cut off from each other are one again.",
        discussion: "  MembershipSimulation heal --members 10 --seeds 1000")

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        try await Measure.run("heal", cluster) { scenario, seed in try scenario.healing(seed: seed) }
    }
}

enum Measure {
    static func run(
        _ name: String, _ cluster: ClusterOptions,
        _ measure: @escaping @Sendable (Scenario, UInt64) throws -> Duration?
    ) async throws {
        let scenario = cluster.scenario
        let times = try await SeedRuns.run(cluster.seedRange, jobs: cluster.jobs) { seed in
            TimedSeed(seed: seed, time: try measure(scenario, seed))
        }
        if cluster.json {
            for time in times { print(try JSONText.line(TimeResult(seed: time.seed, seconds: time.time?.seconds))) }
        } else {
            print(Text.table(rows(times)))
        }
        guard let slow = times.first(where: { $0.time == nil }) else { return }
        print(
            "seed \(slow.seed) did not end in time; to repeat it:\n  swift run -c release MembershipSimulation \(name) "
                + "\(cluster.repeated) --seed \(slow.seed)")
        throw ExitCode.failure
    }

    private struct TimedSeed: Sendable {
        let seed: UInt64
        let time: Duration?
    }

    private static func rows(_ times: [TimedSeed]) -> [[String]] {
        let distribution = Distribution(times.compactMap(\.time))
        return [
            ["seeds", "\(times.count)"], ["half of them within", Text.inSeconds(distribution.percentile(0.5))],
            ["99 of 100 within", Text.inSeconds(distribution.percentile(0.99))],
            ["all within", Text.inSeconds(distribution.longest)],
            ["not within the limit", "\(times.count { $0.time == nil })"],
        ]
    }
}
