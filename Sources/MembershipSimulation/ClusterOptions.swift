public import ArgumentParser
public import IgropyrGossip
import IgropyrSimulation

/// The cluster, the network and the seeds.
struct ClusterOptions: ParsableArguments {
    @Option(help: "How many members.")
    var members = 5

    @Option(help: "How members look for failures.")
    var profile = GossipProfile.fast

    @Option(help: "The first seed.")
    var seed: UInt64 = 1

    @Option(help: "How many runs, each with the next seed.")
    var seeds = 1

    @Option(help: "How many runs at once, each on a core.")
    var jobs = 1

    @Option(help: "The share of datagrams and TCP segments that vanish, each way: 0 to 0.9.")
    var loss = 0.0

    @Option(
        help: "One way, as SHORTEST..LONGEST in milliseconds.",
        transform: { try Span.parse($0, unit: .milliseconds(1)) })
    var delay: ClosedRange<Duration> = Network().delay

    @Option(help: "The share of datagrams that arrive twice.")
    var duplicate = 0.0

    @Option(help: "The share of datagrams that later ones overtake.")
    var reorder = 0.0

    @Option(help: "How long the members run before anything is measured: 60s, 5m.", transform: Span.parseDuration)
    var warmUp: Duration = .seconds(60)

    @Flag(help: "Encrypt, as clusters should. Costs time.")
    var encrypt = false

    @Flag(help: "Write JSON, one object a line.")
    var json = false

    func validate() throws {
        guard 2...10_000 ~= members else { throw ValidationError("--members takes 2 to 10000.") }
        guard 1...1_000_000 ~= seeds else { throw ValidationError("--seeds takes 1 to 1000000.") }
        guard 1...256 ~= jobs else { throw ValidationError("--jobs takes 1 to 256.") }
        guard 0...0.9 ~= loss else { throw ValidationError("--loss takes a share from 0 to 0.9, such as 0.05.") }
        for (name, share) in [("duplicate", duplicate), ("reorder", reorder)] {
            guard 0...1 ~= share else { throw ValidationError("--\(name) takes a share from 0 to 1, such as 0.01.") }
        }
    }

    var scenario: Scenario {
        var scenario = Scenario(members: members, settings: profile.settings)
        scenario.settings.memberLimit = max(scenario.settings.memberLimit, 2 * members)
        scenario.network.loss = loss
        scenario.network.delay = delay
        scenario.network.duplication = duplicate
        scenario.network.reordering = reorder
        scenario.isEncrypted = encrypt
        scenario.warmUp = warmUp
        return scenario
    }

    var seedRange: Range<UInt64> { seed..<seed + UInt64(seeds) }

    /// The options that make the same cluster again, without the seeds.
    var repeated: String {
        var text = "--members \(members) --profile \(profile.rawValue)"
        if loss > 0 { text += " --loss \(loss)" }
        if delay != Network().delay {
            text += " --delay \(Text.milliseconds(delay.lowerBound))..\(Text.milliseconds(delay.upperBound))"
        }
        if duplicate > 0 { text += " --duplicate \(duplicate)" }
        if reorder > 0 { text += " --reorder \(reorder)" }
        if warmUp != .seconds(60) { text += " --warm-up \(Text.seconds(warmUp))s" }
        return text + (encrypt ? " --encrypt" : "")
    }
}

extension GossipProfile: ExpressibleByArgument {}
