internal import IgropyrOrchestration
internal import IgropyrText
internal import IgropyrTime
internal import IgropyrUV
internal import Logging

/// Hands what workers of this host say to all that listen: workers here, and the nodes of hosts where the application
/// has workers. Listens in turn to those nodes, for as long as any worker here does.
///
/// What was said last is kept in a ``TopicLog`` of each application, so that a listener that comes again misses
/// nothing. What has gone from there is told as a gap. For tasks on any thread.
actor TopicHub: LoopBound {
    typealias Link = TopicMemory.Link

    /// What becomes of a message.
    enum Outcome { case taken, tooMany, nobodyHears }

    /// Of one application.
    static let listenerLimit = 256
    /// How long a new listener waits for the other nodes.
    private static let longestOpening: Duration = .seconds(1)
    /// How long listeners that go with the node may read what there is.
    private static let longestClosing: Duration = .seconds(1)
    private static let shortestPause: Duration = .milliseconds(100)
    private static let longestPause: Duration = .seconds(2)

    nonisolated let loop: EventLoop
    /// Of its own, since each link keeps a connection.
    private let client: ControlClient
    private let logger: Logger
    /// For how long at least an application's talk is kept, and heard, when nobody listens any more.
    private let lingering: Duration
    private var channels: [ApplicationName: TopicChannel] = [:]
    private var applications: [Int: ApplicationName] = [:]
    private var paces: [ApplicationName: TopicPace] = [:]
    private var lastNumber = 0
    private var links: [Link: Task<Void, Never>] = [:]
    private(set) var openLinks: Set<Link> = []
    /// The ids of what was heard last.
    private var heard: [Link: String] = [:]
    private let linkWaiters = WaitingTasks()
    private var addresses: [HostName: SocketAddress] = [:]
    /// Where else each application has workers.
    private var hosts: [ApplicationName: Set<HostName>] = [:]
    private var follower: Task<Void, Never>?
    private var sweeper: Task<Void, Never>?
    private var isStopped = false

    init(
        client: ControlClient, logger: Logger, remembering memory: TopicMemory = TopicMemory(),
        lingering: Duration = .seconds(30), on loop: EventLoop
    ) {
        self.client = client
        self.logger = logger
        self.lingering = lingering
        self.loop = loop
        heard = memory.heard
        channels = memory.logs.mapValues { TopicChannel($0, at: loop.now) }
    }

    /// Begins to listen to other nodes; until then it serves this host alone.
    func start(following replica: Replica) {
        follower = Task(executorPreference: loop) {
            for await snapshot in await replica.snapshots() { await self.take(snapshot, peers: replica.peers) }
        }
        sweeper = Task(executorPreference: loop) {
            while (try? await Task.sleep(for: self.lingering)) != nil { await self.sweep() }
        }
    }

    /// Nobody says anything any more, and who listens hears the rest, if it is quick.
    func stop() async {
        isStopped = true
        let running = links.values + [follower, sweeper].compactMap(\.self)
        links = [:]
        for task in running { task.cancel() }
        for task in running { await task.value }
        for channel in channels.values { channel.close() }
        let end = ContinuousClock.now.advanced(by: Self.longestClosing)
        for channel in channels.values { await channel.waitUntilRead(until: end, on: loop) }
        await client.close()
    }

    /// For the hub of the program that replaces this one. Call ``stop()`` first.
    var memory: TopicMemory {
        var memory = TopicMemory()
        memory.logs = channels.mapValues(\.log)
        memory.heard = heard
        return memory
    }

    /// Other nodes are asked under this key from now on.
    func use(_ key: ClusterKey) async throws(ControlError) { try await client.use(key) }

    // MARK: - Talking

    /// `sender` is the name of the listener that says it, if it is one. Returns when it is its turn.
    func publish(_ message: TopicMessage, of application: ApplicationName, by sender: String?) async -> Outcome {
        guard let wait = paces[application, default: TopicPace(at: loop.now)].turn(at: loop.now)
        else { return .tooMany }
        if wait > .zero { try? await Task.sleep(for: wait) }
        guard !isStopped else { return .nobodyHears }
        channel(of: application).append(message, from: .here(sender: sender))
        return .taken
    }

    // MARK: - Listening

    /// Lines for a worker of this host, or for another node, after that of `id`, the last that it has read; if that is
    /// not known, it is told of a gap first. Without one, a worker hears what is said from now on: this returns when
    /// the other nodes that can be reached send what it is to hear, or after a second.
    /// - Returns: nil if too many listen already.
    func listen(
        to application: ApplicationName, as kind: TopicLog.Reader.Kind, after id: String? = nil
    ) async -> (first: TopicLine, rest: TopicLines)? {
        let channel = channel(of: application)
        guard !isStopped, channel.readerCount < Self.listenerLimit else { return nil }
        lastNumber += 1
        let number = lastNumber
        applications[number] = application
        let goesOn = channel.enter(number, kind, after: id)
        let lines = TopicLines(of: self, number)
        updateLinks()
        if id == nil, kind != .node {
            await linkWaiters.wait(on: loop, atMost: Self.longestOpening) {
                !wantedLinks(of: application).isSubset(of: openLinks)
            }
            channel.skip(number)
        }
        return (TopicLine(gap: goesOn ? nil : true, id: channel.id(of: number)), lines)
    }

    /// It begins now if there is none.
    private func channel(of application: ApplicationName) -> TopicChannel {
        if let channel = channels[application] { return channel }
        let channel = TopicChannel(TopicLog(name: String(UInt64.random(in: 0 ... .max), radix: 36)), at: loop.now)
        channels[application] = channel
        return channel
    }

    /// For ``TopicLines``: what comes next; nil if nothing does.
    func read(for number: Int) async -> [UInt8]? {
        guard let channel = applications[number].flatMap({ channels[$0] }) else { return nil }
        return await channel.read(for: number, on: loop)
    }

    /// For ``TopicLines``: nobody reads them any more.
    func close(_ number: Int) {
        guard let application = applications.removeValue(forKey: number) else { return }
        channels[application]?.leave(number, at: loop.now)
        updateLinks()
    }

    private func sweep() {
        let time = loop.now.advanced(by: .zero - lingering)
        channels = channels.filter { $0.value.isUsed(since: time) }
        paces = paces.filter { !$0.value.isFull(at: loop.now) }
        updateLinks()
        heard = heard.filter { links[$0.key] != nil }
    }

    // MARK: - Other nodes

    private func take(_ snapshot: Replica.Snapshot, peers: [HostName: SocketAddress]) {
        addresses = peers
        hosts = [:]
        for host in peers.keys {
            let workers = snapshot.state.hosts[host]?.workers ?? []
            for application in Set(workers.map(\.application)) { hosts[application, default: []].insert(host) }
        }
        updateLinks()
    }

    private func wantedLinks(of application: ApplicationName) -> Set<Link> {
        Set((hosts[application] ?? []).map { Link(application: application, host: $0) })
    }

    private func updateLinks() {
        guard !isStopped else { return }
        let time = loop.now.advanced(by: .zero - lingering)
        let heardHere = channels.filter { $0.value.hasWorkers(since: time) }.keys
        let wanted = heardHere.reduce(into: Set<Link>()) { $0.formUnion(wantedLinks(of: $1)) }
        for (link, task) in links where !wanted.contains(link) {
            // Of a host that leaves, workers may still say something while they drain: it ends with its node.
            let isParting = addresses[link.host] == nil && openLinks.contains(link)
            if isParting, heardHere.contains(link.application) { continue }
            task.cancel()
            drop(link)
        }
        for link in wanted where links[link] == nil {
            links[link] = Task(executorPreference: loop) { await self.follow(link) }
        }
        linkWaiters.wake()
    }

    /// What its workers said last may not have come.
    private func drop(_ link: Link) {
        links[link] = nil
        heard[link] = nil
        channels[link.application]?.appendGap()
    }

    /// Until it is cancelled, or its host is gone.
    private func follow(_ link: Link) async {
        var pause = Self.shortestPause
        while !Task.isCancelled {
            do throws(ControlError) {
                if let address = addresses[link.host] { try await listen(to: link, at: address) }
            } catch {
                logger.debug(
                    "cannot hear another host's workers; trying again",
                    metadata: ["application": "\(link.application)", "host": "\(link.host)", "reason": "\(error)"])
            }
            if openLinks.remove(link) != nil { pause = Self.shortestPause }
            guard !Task.isCancelled else { return }
            guard addresses[link.host] != nil else { return drop(link) }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    private func listen(to link: Link, at address: SocketAddress) async throws(ControlError) {
        try await client.topics(of: link.application, after: heard[link], at: address) { line in
            guard !Task.isCancelled else { return false }
            self.assumeIsolated { $0.take(line, link) }
            return true
        }
    }

    private func take(_ line: TopicLine, _ link: Link) {
        guard let channel = channels[link.application] else { return }
        if openLinks.insert(link).inserted { linkWaiters.wake() }
        if line.gap == true { channel.appendGap() }  // At its opening, too: before it, nothing came from there.
        if let message = line.message { channel.append(message, from: .elsewhere) }
        if let id = line.id, id.utf8.count <= TopicLog.idBytes { heard[link] = id }
    }
}
