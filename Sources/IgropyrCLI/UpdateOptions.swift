import ArgumentParser
import IgropyrOrchestration

/// How `deploy` lets a new revision replace the old one.
struct UpdateOptions: ParsableArguments {
    @Option(
        help: "Workers that may be missing while others replace them: a number, or a percentage. Default: 0.",
        transform: share)
    var maxUnavailable: UpdatePolicy.Share?

    @Option(
        help: "Workers that may be there beside those that they replace: a number, or a percentage. Default: 25%.",
        transform: share)
    var maxSurge: UpdatePolicy.Share?

    @Option(help: "So many workers are replaced first, and the others wait for them to be found good. Default: 0.")
    var canary: Int?

    @Option(help: "Seconds that the canaries must stay healthy; without it the others wait for igropyr promote.")
    var canaryHold: Int?

    @Option(
        help: """
            Seconds that a new worker has to become ready, and that a host may fail to get anything of the bundle. Default: 60.
            """)
    var healthDeadline: Int?

    @Option(help: "Seconds that a new worker must stay ready before its predecessor goes. Default: 1.")
    var minHealthy: Double?

    @Flag(help: "Do not go back to the last revision that stood when a new worker fails.")
    var noRollback = false

    func validate() throws {
        let day = StateLimits.durationMilliseconds / 1000
        guard 1...day ~= healthDeadline ?? 1, 0...Double(day) ~= minHealthy ?? 0, 0...day ~= canaryHold ?? 0 else {
            throw ValidationError("the times take up to \(day) seconds, and --health-deadline at least 1.")
        }
        guard 0...Placement.maximumTotal ~= canary ?? 0 else {
            throw ValidationError("--canary takes 0 to \(Placement.maximumTotal).")
        }
    }

    /// What was said goes before what the application's file says.
    func applied(to policy: UpdatePolicy?) -> UpdatePolicy? {
        var changed = policy ?? UpdatePolicy()
        if let maxUnavailable { changed.maxUnavailable = maxUnavailable }
        if let maxSurge { changed.maxSurge = maxSurge }
        if let canary { changed.canary = canary }
        if let canaryHold { changed.canaryHoldMilliseconds = canaryHold * 1000 }
        if let healthDeadline { changed.healthDeadlineMilliseconds = healthDeadline * 1000 }
        if let minHealthy { changed.minimumHealthyMilliseconds = Int(minHealthy * 1000) }
        if noRollback { changed.rollsBack = false }
        return policy == nil && changed == UpdatePolicy() ? nil : changed
    }

    private static func share(_ text: String) throws -> UpdatePolicy.Share {
        guard let share = UpdatePolicy.Share(text) else {
            throw ValidationError("\(text) is neither a number up to 1000 nor a percentage such as 25%.")
        }
        return share
    }
}
