internal import IgropyrTime

/// What came of a run with its faults.
public struct RunReport: Sendable {
    public let seed: UInt64
    public let simulated: Duration
    public let digest: UInt64
    public let datagrams: Int
    /// By a member in a second, headers included.
    public let bytesSentPerSecond: Double
    public let bytesReceivedPerSecond: Double
    /// Of members that were well all the time, counted at each member that made or believed it.
    public let falseDeclarations: Int
    /// Of members that had recovered from a pause or the like more than two seconds before.
    public let lateDeclarations: Int
    public let rightDeclarations: Int
    /// How often members had to deny that they were gone.
    public let refutations: Int
    /// Datagrams dropped because a frozen host's socket was full.
    public let overflows: Int
    /// From the end of all faults until all held the same for alive; nil: not within five minutes.
    public let convergence: Duration?

    /// Nobody who was well was declared failed, and all agree in the end.
    public var isGood: Bool { falseDeclarations == 0 && convergence != nil }
}

extension Scenario {
    /// Runs with all faults for `duration`, then without until all agree.
    /// `onProgress`: Called a hundred times, with the share that is done.
    public func run(
        seed: UInt64, for duration: Duration, onProgress: (Double) -> Void = { _ in }
    ) throws -> RunReport {
        let simulation = try makeCluster(seed: seed)
        let declared = simulation.declarations.count
        simulation.startFaults(faults)
        for step in 1...100 {
            simulation.run(for: duration / 100)
            onProgress(Double(step) / 100)
        }
        let traffic = simulation.hosts.map(\.traffic)
        try simulation.stopFaults()
        let end = simulation.now
        let isConverged = simulation.runUntilOneView(for: .seconds(300))
        let verdicts = simulation.declarations.dropFirst(declared).map(\.verdict)
        let seconds = Double(max(1, duration.nanosecondsClamped)) / 1e9 * Double(members)
        return RunReport(
            seed: seed, simulated: duration, digest: simulation.digest,
            datagrams: traffic.reduce(0) { $0 + $1.datagramsSent },
            bytesSentPerSecond: Double(traffic.reduce(0) { $0 + $1.bytesSent }) / seconds,
            bytesReceivedPerSecond: Double(traffic.reduce(0) { $0 + $1.bytesReceived }) / seconds,
            falseDeclarations: verdicts.count { $0 == .ofHealthy },
            lateDeclarations: verdicts.count { $0 == .ofRecovered }, rightDeclarations: verdicts.count { $0 == .right },
            refutations: simulation.hosts.reduce(0) { $0 + $1.gossip.counters.refutations },
            overflows: simulation.hosts.reduce(0) { $0 + $1.overflows },
            convergence: isConverged ? end.duration(to: simulation.now) : nil)
    }
}
