/// How a member gossips and looks for failures. All members of a cluster should agree; the names in parentheses are
/// memberlist's and Serf's.
public struct GossipSettings: Sendable {
    // MARK: Failure detection

    /// How often one member is probed (ProbeInterval).
    public var probeInterval: Duration = .seconds(1)
    /// How long a direct ping may take before others are asked to ping (ProbeTimeout).
    public var probeTimeout: Duration = .milliseconds(500)
    /// How many others are asked to ping (IndirectChecks).
    public var indirectChecks = 3
    /// How long a suspect has to refute: this × log10(members), at least 1, × `probeInterval` (SuspicionMult).
    public var suspicionMultiplier = 4
    /// The longest suspicion, while nobody else confirms it, as a multiple of the shortest (SuspicionMaxTimeoutMult).
    public var suspicionMaximumMultiplier = 6
    /// The local health score stays below this; it stretches `probeInterval` (AwarenessMaxMultiplier).
    public var healthScoreLimit = 8
    /// The detector for small clusters; nil: memberlist's at any size.
    public var smallCluster: SmallClusterSettings?
    /// How late a timeout may be handled. Later ones mean that we were frozen, starved, or that our clock leapt: then
    /// what looks like the silence of others was ours, running probes are void and suspicions begin anew. Nil: no such
    /// doubt.
    public var latenessLimit: Duration?

    /// With how many neighbours a connection stays open whose end says at once that a process has died; 0: none, as
    /// agents. They are those who follow by name, in a circle.
    public var linkFanout = 0

    // MARK: Dissemination

    /// How often queued messages go out (GossipInterval).
    public var gossipInterval: Duration = .milliseconds(200)
    /// To how many random members (GossipNodes).
    public var gossipFanout = 3
    /// How long a dead member still gets gossip, so that it can refute (GossipToTheDeadTime).
    public var gossipToTheDead: Duration = .seconds(30)
    /// Each message is sent this × ceil(log10(members + 1)) times (RetransmitMult).
    public var retransmitMultiplier = 4
    /// But no less often than so: where members are few, each sends little, and whom all happen to leave out waits
    /// long.
    public var leastTransmits = 0
    /// Up to so many members, the dead that are remembered included, each hears from here, too, who we are and who we
    /// found dead; 0: by gossip only, as from agents.
    public var directNewsLimit = 0
    /// The same of events, queries and intents, of which there may be many.
    public var directEventLimit = 0
    /// How often the whole state is exchanged with one random member (PushPullInterval); longer above 32 members.
    public var pushPullInterval: Duration = .seconds(30)
    /// For a whole TCP exchange (TCPTimeout).
    public var streamTimeout: Duration = .seconds(10)
    /// Whether we compress what we send; we read both.
    public var compresses = true
    /// How long a name stays with a dead member's address; nil: for ever, as for agents (where 0 says so). A member
    /// that left gives it up at once (DeadNodeReclaimTime).
    public var deadNameReclaim: Duration? = .zero

    // MARK: Serf

    public var broadcastTimeout: Duration = .seconds(5)
    public var leavePropagateDelay: Duration = .seconds(1)
    public var reapInterval: Duration = .seconds(15)
    public var reconnectInterval: Duration = .seconds(30)
    /// When a failed member is forgotten (ReconnectTimeout).
    public var reconnectTimeout: Duration = .seconds(24 * 3600)
    /// When a member that left is forgotten (TombstoneTimeout).
    public var tombstoneTimeout: Duration = .seconds(24 * 3600)
    public var recentIntentTimeout: Duration = .seconds(300)
    /// The default timeout of a query: `gossipInterval` × this × ceil(log10(alive + 1)) (QueryTimeoutMult).
    public var queryTimeoutMultiplier = 16

    // MARK: Limits; what goes beyond is dropped and counted

    /// Members in any state. Newcomers beyond are ignored.
    public var memberLimit = 4_096
    /// One message of a TCP exchange, packed and unpacked. memberlist allows 20 MiB.
    public var streamLimitBytes = 4 * 1024 * 1024
    /// Name and payload of a user event that we send, and the event encoded.
    public var userEventLimitBytes = 512
    /// What the ring of recent user events may hold; the oldest go first.
    public var recentEventsLimitBytes = 1024 * 1024
    /// Each of the broadcast queues; what was sent most often goes first.
    public var queueLimit = 4_096
    /// Intents about members not yet known, pings forwarded for others, unanswered queries.
    public var tableLimit = 1_024

    /// For hosts in one network: memberlist's settings for them, but with the detector for small clusters, with links,
    /// and news at first hand.
    public static let fast: GossipSettings = {
        var settings = GossipSettings()
        settings.smallCluster = SmallClusterSettings()
        settings.latenessLimit = .milliseconds(50)
        settings.linkFanout = 8
        settings.leastTransmits = 8
        settings.directNewsLimit = 256
        settings.directEventLimit = 32
        return settings
    }()

    /// The agent's default: hosts in one network.
    public static let lan = GossipSettings()

    /// Hosts far apart.
    public static let wan: GossipSettings = {
        var settings = GossipSettings()
        settings.streamTimeout = .seconds(30)
        settings.suspicionMultiplier = 6
        settings.pushPullInterval = .seconds(60)
        settings.probeTimeout = .seconds(3)
        settings.probeInterval = .seconds(5)
        settings.gossipFanout = 4
        settings.gossipInterval = .milliseconds(500)
        settings.gossipToTheDead = .seconds(60)
        return settings
    }()

    /// Several members on one machine.
    public static let local: GossipSettings = {
        var settings = GossipSettings()
        settings.streamTimeout = .seconds(1)
        settings.indirectChecks = 1
        settings.retransmitMultiplier = 2
        settings.suspicionMultiplier = 3
        settings.pushPullInterval = .seconds(15)
        settings.probeTimeout = .milliseconds(200)
        settings.gossipInterval = .milliseconds(100)
        settings.gossipToTheDead = .seconds(15)
        return settings
    }()

    public init() {}
}
