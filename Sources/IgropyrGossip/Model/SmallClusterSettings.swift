/// The failure detector for small clusters, which is what `fast` adds to memberlist's: see ``Verification``.
///
/// Only our own timing differs: agents with other settings understand all of it. For hosts in one network, whose pings
/// take less than `pingTimeout`; one that is slower is never declared failed, as long as it answers in the end.
public struct SmallClusterSettings: Sendable {
    /// Up to so many members, the dead that are remembered included; with more of them memberlist's algorithm and
    /// timing hold, so that nothing here grows with the cluster.
    public var memberLimit = 64
    /// How often one member is probed.
    public var probeInterval: Duration = .milliseconds(300)
    /// After which an answer counts as missing. It still counts as a sign of life when it comes.
    public var pingTimeout: Duration = .milliseconds(100)
    /// Between the pings to a member that does not answer; × the local health score + 1.
    public var pingSpacing: Duration = .milliseconds(50)
    /// Nobody is declared failed who was silent for less, however many pings went unanswered: links and programs stall.
    public var shortestSilence: Duration = .milliseconds(500)
    /// Pings that a member alive leaves unanswered by the loss that we measure have a likelihood; a member is declared
    /// failed once it is below 10 to the power of minus this.
    public var certaintyDigits = 12
    /// The same before others are told of the suspicion.
    public var suspicionDigits = 3
    /// What share of pings is thought to stay unanswered at least, however clean the network seems.
    public var leastLoss = 0.05
    public var gossipInterval: Duration = .milliseconds(100)
    /// How often failed members are pinged, so that parts of a cluster find each other again.
    public var revivalInterval: Duration = .seconds(1)
    /// At how many failed members that is done at a time.
    public var revivalFanout = 8

    public init() {}
}
