public import IgropyrGossip
public import IgropyrMembership
public import IgropyrOrchestration
public import IgropyrUV
public import Logging

/// This process's copy of the cluster's state, kept alike with those of the nodes.
///
/// Whoever changes something announces it by gossip, and everybody fetches it from there, and only that: where many
/// change at a time, each change so reaches everybody once. With each newcomer states are compared as a whole at once,
/// and with some node at random every few seconds, so that nothing stays lost. With a data folder the state survives
/// the process. Usable by nodes and by balancers, which only listen. For tasks on any thread.
public actor Replica: LoopBound {
    public struct Configuration: Sendable {
        /// This member's.
        public var name: HostName
        /// Where the state is kept; nil: in memory only.
        public var folder: DataFolder?
        /// Between two exchanges with a node at random; less or more by up to a quarter.
        public var exchangeInterval: Duration = .seconds(5)
        public var logger = Logger(label: "igropyr.replica")

        public init(name: HostName, folder: DataFolder? = nil) {
            self.name = name
            self.folder = folder
        }
    }

    /// The state and who is there, of one moment.
    public struct Snapshot: Sendable {
        public var state: ReplicatedState
        /// Everybody that gossips: nodes, balancers and Serf agents, this one included.
        public var members: [Member]
        /// The names of those that are alive, whatever they are.
        public var alive: Set<HostName>
        /// Of those that count as failed.
        public var failed: Set<HostName>
    }

    /// Between two announcements, so that a flapping worker does not fill the others' queues.
    private static let announcementInterval: Duration = .milliseconds(100)
    /// In which changes come together, before all are saved at once.
    private static let savePause: Duration = .milliseconds(50)
    /// The same where hosts have only told of themselves: they will again, and who restarts hears it within a second.
    private static let recordSavePause: Duration = .seconds(5)
    private static let upkeepInterval: Duration = .seconds(3600)

    public nonisolated let loop: EventLoop
    let configuration: Configuration
    let membership: Membership
    let client: ControlClient
    public internal(set) var state = ReplicatedState()
    var clock: HybridClock
    private var clocks = PeerClocks()
    /// When this process says that it began, at the latest: since its clock was set right.
    private var latestEpoch = Int64.max
    private(set) var members: [Member] = [] {
        didSet { notePeers() }
    }
    /// The control addresses of the alive nodes but this one.
    private(set) var peers: [HostName: SocketAddress] = [:]
    private var subscribers: [Int: AsyncStream<Snapshot>.Continuation] = [:]
    private var lastSubscriber = 0
    private var tasks: [Task<Void, Never>] = []
    var pulls: [HostName: CoalescedWork] = [:]
    /// With whom the whole states are to be compared, next.
    var uncompared: Set<HostName> = []
    /// Peers whose last answer to a fetch was one, as an earlier edition's is not.
    var fetchers: Set<HostName> = []
    private let announcements: CoalescedWork
    let saves: CoalescedWork
    let recordSaves: CoalescedWork
    /// Something that hosts say about themselves is not on its way to the disk yet.
    var hasUnsavedRecords = false
    private(set) var isStopped = false
    /// Why the state on the disk is not the present one; nil when it is.
    var storageProblem: String?
    var refusals = RefusalBook()
    /// At most one for each application: who takes them, empties it.
    var overruled: [ApplicationName: Deployment] = [:]

    public init(_ configuration: Configuration, membership: Membership, client: ControlClient, on loop: EventLoop) {
        self.configuration = configuration
        self.membership = membership
        self.client = client
        self.loop = loop
        clock = HybridClock(host: configuration.name)
        announcements = CoalescedWork(on: loop)
        saves = CoalescedWork(on: loop, after: Self.savePause)
        recordSaves = CoalescedWork(on: loop, after: Self.recordSavePause)
    }

    // MARK: - Life

    /// Reads the file, if there is a folder, and begins to follow the cluster. The membership must have been started.
    public func start() async {
        await load()
        let events = await membership.events()
        await refreshMembers()
        tasks = [
            Task(executorPreference: loop) { for await event in events { await self.handle(event) } },
            Task(executorPreference: loop) { await self.exchangeNowAndThen() },
            Task(executorPreference: loop) { await self.keepUp() },
        ]
        for peer in peers.keys { compare(with: peer) }
    }

    /// Waits until the state is on the disk. The snapshots end.
    public func stop() async {
        guard !isStopped else { return }
        isStopped = true
        announcements.cancel()
        for task in tasks { task.cancel() }
        for pull in pulls.values { pull.cancel() }
        for task in tasks { await task.value }
        for pull in pulls.values { await pull.finish() }
        tasks = []
        recordSaves.cancel()
        await recordSaves.finish()
        if hasUnsavedRecords { save() }
        await saves.finish()
        for continuation in subscribers.values { continuation.finish() }
        subscribers = [:]
    }

    // MARK: - What it knows

    public var snapshot: Snapshot {
        Snapshot(state: state, members: members, alive: names(of: .alive), failed: names(of: .failed))
    }

    private func names(of status: Member.Status) -> Set<HostName> {
        Set(members.filter { $0.status == status }.compactMap(\.host))
    }

    /// The present snapshot, then one after each change; who is slow misses those in between.
    public func snapshots() -> AsyncStream<Snapshot> {
        let (stream, continuation) = AsyncStream.makeStream(of: Snapshot.self, bufferingPolicy: .bufferingNewest(1))
        lastSubscriber += 1
        let id = lastSubscriber
        subscribers[id] = continuation
        continuation.onTermination = { [weak self] _ in Task { await self?.unsubscribe(id) } }
        continuation.yield(snapshot)
        if isStopped { continuation.finish() }
        return stream
    }

    private func unsubscribe(_ id: Int) { subscribers[id] = nil }

    func didChange() {
        for continuation in subscribers.values { continuation.yield(snapshot) }
    }

    private func notePeers() {
        peers = [:]
        for member in members where member.status == .alive && member.name != configuration.name.rawValue {
            if let name = member.host, let address = member.controlAddress { peers[name] = address }
        }
    }

    // MARK: - Changes made here

    func deploy(_ name: ApplicationName, _ spec: DeploymentSpec) throws(DeploymentError) -> Deployment {
        let deployment = try state.deploy(name, spec, at: .now, clock: &clock)
        didChangeHere()
        return deployment
    }

    /// Changes what is deployed under a name, in one step.
    func change(
        _ name: ApplicationName, _ change: @Sendable (inout DeploymentSpec) -> Void
    ) throws(DeploymentError) -> Deployment {
        guard var spec = state.liveDeployments[name] else { throw state.unknown(name) }
        change(&spec)
        return try deploy(name, spec)
    }

    func resealSecrets(of name: ApplicationName, by sealing: SecretSealing) {
        let isNew = state.reseal(name, at: .now, clock: &clock) { sealing.resealed($1, $0, of: name) }
        if isNew { didChangeHere() }
    }

    func setCertificate(_ name: CertificateName, _ content: Certificate.Content) throws(Refusal) -> Certificate {
        let certificate = try state.setCertificate(name, content, at: .now, clock: &clock)
        didChangeHere()
        return certificate
    }

    /// Whether there was such a certificate.
    func removeCertificate(_ name: CertificateName) -> Bool {
        let isRemoved = state.removeCertificate(name, at: .now, clock: &clock)
        if isRemoved { didChangeHere() }
        return isRemoved
    }

    func resealCertificates(by sealing: CertificateSealing) {
        let isNew = state.resealCertificates(at: .now, clock: &clock) { sealing.resealed($1, $0) }
        if isNew { didChangeHere() }
    }

    func remove(_ name: ApplicationName) throws(DeploymentError) -> Deployment {
        let tombstone = try state.remove(name, at: .now, clock: &clock)
        didChangeHere()
        return tombstone
    }

    func change(_ name: ApplicationName, _ change: ReplicatedState.Change) throws(DeploymentError) -> Deployment {
        let deployment = try state.change(name, change, at: .now, clock: &clock)
        didChangeHere()
        return deployment
    }

    /// Enters what this host takes a rollout to have come to; nil if that is known already, or out of date.
    func conclude(_ name: ApplicationName, _ verdict: Rollout.Verdict, of timestamp: HybridTimestamp) -> Deployment? {
        let deployment = state.conclude(name, verdict, of: timestamp, by: configuration.name, at: .now)
        if deployment != nil { didChangeHere() }
        return deployment
    }

    /// Makes this what the host says about itself, and announces it if it differs from before.
    public func publish(_ record: HostRecord, epoch: Int64) {
        guard state.publish(record, epoch: min(epoch, latestEpoch)) else { return }
        didChange()
        saveRecords()
        announce()
    }

    private func didChangeHere() {
        didChange()
        save()
        announce()
    }

    func announce() {
        if !isStopped { announcements.request { await self.sendAnnouncement() } }
    }

    private func sendAnnouncement() async {
        // Refused only while it leaves, or is not there any more: then nobody needs to hear it.
        try? await membership.sendUserEvent(
            ControlAPI.announcement, payload: Array(configuration.name.rawValue.utf8))
        try? await Task.sleep(for: Self.announcementInterval)
    }

    // MARK: - Clocks

    private var clockVerdict: PeerClocks.Verdict { clocks.verdict(on: .now, at: loop.now) }

    /// By which what others say is judged: a host whose clock is behind would believe nobody, and a balancer have no
    /// worker.
    var judgingTime: UnixTime {
        if case .behind(_, let time) = clockVerdict { time } else { .now }
    }

    /// What is wrong with this host's clock, in a line; nil if nothing is known to be.
    private(set) var clockProblem: String?

    /// Why others would not take what is decided here, and what to do; nil if they would.
    var refusalOfDecisions: String? { clockVerdict.refusalOfDecisions(at: configuration.name) }

    private func judgeClock() {
        let problem = clockVerdict.problem
        guard problem != clockProblem else { return }
        if clockProblem == nil, let problem {
            configuration.logger.warning("this host's clock is wrong", metadata: ["reason": "\(problem)"])
        }
        clockProblem = problem
        didChange()  // The host's record tells of it.
    }

    func note(_ time: UnixTime?, of peer: HostName) {
        guard let time, peers[peer] != nil else { return }
        clocks.note(time, of: peer, at: loop.now)
        judgeClock()
        guard clockVerdict == .right, let epoch = state.amendTimes(at: .now, clock: &clock) else { return }
        latestEpoch = epoch
        configuration.logger.notice(
            "clocks were set right: what was said and decided under a wrong one counts as of now")
        didChangeHere()
    }

    private func exchangeNowAndThen() async {
        while !Task.isCancelled {
            let interval = configuration.exchangeInterval * Double.random(in: 0.75...1.25)
            guard (try? await Task.sleep(for: interval)) != nil else { return }
            if let peer = peers.keys.randomElement() { compare(with: peer) }
            if storageProblem != nil { save() }
        }
    }

    /// Forgets what is long gone.
    private func keepUp() async {
        while (try? await Task.sleep(for: Self.upkeepInterval)) != nil {
            state.collectTombstones(at: .now)
            refusals.beginAnew()
            let known = Set(members.compactMap(\.host)).union([configuration.name])
            state.forgetHosts(except: known)
            pulls = pulls.filter { known.contains($0.key) }
            uncompared.formIntersection(known)
            fetchers.formIntersection(known)
            didChange()
            save()
        }
    }

    // MARK: - Gossip

    private func handle(_ event: MembershipEvent) async {
        switch event {
        case .member(let event):
            await refreshMembers()
            if event.kind == .joined || event.kind == .updated, let name = event.member.host, peers[name] != nil {
                compare(with: name)
            }
            didChange()
        case .userEvent(let event) where event.name == ControlAPI.announcement:
            let name = HostName(rawValue: String(decoding: event.payload, as: UTF8.self))
            if let name, name != configuration.name, peers[name] != nil { pull(from: name) }
        case .lagged:
            await refreshMembers()
            for peer in peers.keys { compare(with: peer) }
            didChange()
        case .userEvent, .userMessage, .userState, .query, .joined, .joinFailed, .nameConflict, .nameLost, .keysChanged:
            break
        }
    }

    private func refreshMembers() async {
        members = await membership.members
        clocks.forget(except: Set(peers.keys))
        judgeClock()
    }
}

extension Member {
    /// nil for a name that no host of ours can have.
    var host: HostName? { HostName(rawValue: name) }

    /// Where a node's control API listens; nil for what is no node.
    var controlAddress: SocketAddress? {
        guard tags[MemberTags.role] == MemberTags.node, let port = tags[MemberTags.control].flatMap(UInt16.init)
        else { return nil }
        return SocketAddress(address.host, port: port)
    }
}
