public import IgropyrTime

/// A member of a cluster that speaks memberlist's and Serf's protocol: the whole state machine, without the world.
///
/// Datagrams, stream messages and the time go in; each call returns what to do. Call ``handleTimeout(at:)`` at
/// ``deadline`` or later; early calls do nothing. `now` must never go back. Nothing that a peer sends can trap or grow
/// it beyond its settings.
public struct Gossip: Sendable {
    public let name: String
    public let address: MemberAddress
    public internal(set) var counters = Counters()

    /// When the core next needs a call.
    public private(set) var deadline = Timestamp.zero
    /// The time of the last call.
    private(set) var lastTime: Timestamp

    let settings: GossipSettings
    let delegate: GossipDelegate
    let admission: AdmissionPolicy?
    var envelope: Envelope
    var random: RandomSource
    var directives: [Directive] = []

    // What memberlist knows.
    var nodes = NodeTable()
    var incarnation: UInt32
    var health: HealthScore
    var suspicions: [String: Suspicion] = [:]
    var probe: Probe?
    var verifications: [Verification] = []
    var lossBook = LossBook()
    /// Pings to members that have failed, by number.
    var revivals: [UInt32: String] = [:]
    /// How close a member that answered in the end came to being declared failed; see
    /// ``SmallClusterSettings/certaintyDigits``.
    package internal(set) var closestCall = 0.0
    var forwardedPings: [UInt32: ForwardedPing] = [:]
    var streams: [StreamID: StreamPurpose] = [:]
    var links = LinkTable()
    var deathBudget = DeathBudget()
    var lastSequence: UInt32
    var lastStream: UInt64 = 0
    var schedule: Schedule
    var departure = Departure.none
    var coordinates = CoordinateBook()
    let resolvesNameConflicts: Bool
    /// When we may ask again who owns our name.
    var nextConflictPoll = Timestamp.zero
    var rival: Rival?

    // What Serf knows.
    var serfMembers = SerfMemberTable()
    var memberClock = LamportClock()
    var eventClock = LamportClock()
    var queryClock = LamportClock()
    var intents: IntentBuffer
    var events: EventRing
    var queries = QueryRing()
    /// Events before are history that a newcomer does not want to hear.
    var minimumEventTime: UInt64 = 0
    var receivedQueries: [Query.ID: ReceivedQuery] = [:]
    var ownQueries: [Query.ID: OwnQuery] = [:]

    /// What an application without Serf gives to others with each exchange of states.
    var userState: [UInt8] = []

    // What is to be gossiped, in this order.
    var nodeBroadcasts: BroadcastQueue
    var intentBroadcasts: BroadcastQueue
    var queryBroadcasts: BroadcastQueue
    var eventBroadcasts: BroadcastQueue

    /// `random`: Feeds nonces, too: a secure generator, except under simulation, where one seed replays everything.
    public init(
        _ configuration: GossipConfiguration, at now: Timestamp, using random: some RandomNumberGenerator & Sendable
    ) throws(GossipError) {
        guard GossipConfiguration.isValidName(configuration.name) else { throw .invalidName(configuration.name) }
        guard configuration.address.port > 0, !configuration.address.isUnspecified else {
            throw .invalidAddress(configuration.address)
        }
        let meta = try configuration.meta
        guard let keyring = Keyring(configuration.keys) else { throw .invalidKey }
        guard configuration.label.utf8.count <= 255 else { throw .invalidLabel }
        let settings = configuration.settings
        name = configuration.name
        address = configuration.address
        self.settings = settings
        delegate = configuration.delegate
        admission = configuration.admission
        resolvesNameConflicts = configuration.resolvesNameConflicts
        lastTime = now
        incarnation = min(Self.highestIncarnation, max(1, configuration.incarnation))
        envelope = Envelope(keyring: keyring, label: Array(configuration.label.utf8))
        self.random = RandomSource(random)
        health = HealthScore(limit: settings.healthScoreLimit)
        intents = IntentBuffer(limit: settings.tableLimit)
        events = EventRing(limitBytes: settings.recentEventsLimitBytes)
        nodeBroadcasts = BroadcastQueue(limit: settings.queueLimit)
        intentBroadcasts = BroadcastQueue(limit: settings.queueLimit)
        queryBroadcasts = BroadcastQueue(limit: settings.queueLimit)
        eventBroadcasts = BroadcastQueue(limit: settings.queueLimit)
        lastSequence = UInt32(truncatingIfNeeded: self.random.next())
        schedule = Schedule(settings: settings, at: now, using: &self.random)
        enterOurselves(meta: meta, tags: configuration.tags, at: now)
        deadline = nextDeadline
    }

    private mutating func enterOurselves(meta: [UInt8], tags: [String: String], at now: Timestamp) {
        let announcement = Announcement(
            name: name, address: address, meta: meta, tags: tags, versions: delegate.versions)
        let node = Node(announcement: announcement, stateChangedAt: now, incarnation: incarnation, state: .alive)
        nodes.insert(node, using: &random)
        nodeBroadcasts.add(node.alive.encoded, about: name)
        serfMembers[name] = SerfMember(announcement)
    }

    // MARK: - What it knows

    /// Everybody, ourselves included, by name.
    public var members: [Member] { serfMembers.all.map(\.member) }

    public func member(named name: String) -> Member? { serfMembers[name]?.member }

    /// The keys in use, the primary one first.
    public var keys: [[UInt8]] { envelope.keyring.keys }

    /// 0 when others answer us as they should, up to 7.
    public var healthScore: Int { health.value }

    /// How many members have each status, ourselves included.
    public var statusCounts: [Member.Status: Int] {
        serfMembers.all.reduce(into: [:]) { counts, member in counts[member.status, default: 0] += 1 }
    }

    /// Messages that wait to be gossiped, or to be gossiped more often.
    public var queuedBroadcasts: Int {
        nodeBroadcasts.count + intentBroadcasts.count + queryBroadcasts.count + eventBroadcasts.count
    }

    /// Members that the list says are alive, ourselves included.
    package var aliveCount: Int { serfMembers.all.count { $0.status == .alive } }

    package func holdsForAlive(_ name: String) -> Bool { serfMembers[name]?.status == .alive }

    package func holdsForAlive(exactly names: [String]) -> Bool {
        aliveCount == names.count && names.allSatisfy(holdsForAlive)
    }

    /// Somebody whom gossip reaches.
    func hasListeners(at now: Timestamp) -> Bool {
        nodes.all.contains { $0.name != name && $0.hearsGossip(at: now, settings) }
    }

    // MARK: - For simulations of large clusters, which would take long to find each other

    /// Takes in all of these as alive; nothing is reported or gossiped.
    package mutating func meet(_ others: some Sequence<Gossip>, at now: Timestamp) {
        for other in others { if let node = other.nodes[other.name] { handleAlive(node.alive, at: now) } }
        nodeBroadcasts = BroadcastQueue(limit: settings.queueLimit)
        _ = takeDirectives(at: now)
    }

    /// Knows everybody that `other` knows, ourselves included, as after a long life together.
    package mutating func adoptMembers(of other: Gossip, at now: Timestamp) {
        nodes = other.nodes
        nodes.startRound(using: &random)
        serfMembers = other.serfMembers
        nodeBroadcasts = BroadcastQueue(limit: settings.queueLimit)
        _ = takeDirectives(at: now)
    }

    // MARK: - Time

    private var nextDeadline: Timestamp {
        var deadline = min(
            schedule.probe, schedule.pushPull, schedule.reap, schedule.reconnect, schedule.revival,
            schedule.links)
        deadline = min(deadline, verificationDeadline)
        if hasBroadcasts { deadline = min(deadline, schedule.gossip) }
        if let probe { deadline = min(deadline, probe.deadline) }
        if let until = departure.deadline { deadline = min(deadline, until) }
        for suspicion in suspicions.values { deadline = min(deadline, suspicion.deadline) }
        for ping in forwardedPings.values { deadline = min(deadline, ping.deadline) }
        for query in ownQueries.values { deadline = min(deadline, query.deadline) }
        return deadline
    }

    public mutating func handleTimeout(at now: Timestamp) -> [Directive] {
        if let limit = settings.latenessLimit, now > deadline.advanced(by: limit) { doubtOurselves(at: now) }
        advanceProbe(at: now)
        if Schedule.takeDue(&schedule.probe, every: probeInterval, at: now) { startProbe(at: now) }
        expireSuspicions(at: now)
        advanceVerifications(at: now)
        expireForwardedPings(at: now)
        if hasBroadcasts, Schedule.takeDue(&schedule.gossip, every: gossipInterval, at: now) { gossip(at: now) }
        // The interval takes some arithmetic.
        if schedule.pushPull <= now, Schedule.takeDue(&schedule.pushPull, every: pushPullInterval, at: now) {
            synchronize(at: now)
        }
        if Schedule.takeDue(&schedule.reap, every: settings.reapInterval, at: now) { reap(at: now) }
        if Schedule.takeDue(&schedule.reconnect, every: settings.reconnectInterval, at: now) { reconnect(at: now) }
        reviveIfDue(at: now)
        if schedule.links <= now { tendLinks(at: now) }
        finishQueries(at: now)
        advanceDeparture(at: now)
        return takeDirectives(at: now)
    }

    /// At the end of each call.
    mutating func takeDirectives(at now: Timestamp) -> [Directive] {
        lastTime = now
        deadline = nextDeadline
        defer { directives = [] }
        return directives
    }
}
