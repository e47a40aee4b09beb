internal import IgropyrOrchestration
internal import IgropyrUV
internal import Logging

/// Hands what workers of this host say to all that listen: workers here, and the nodes of hosts where the application
/// has workers. Listens in turn to those nodes, for as long as any worker here does.
///
/// What a listener does not take in time goes; so does what is said while two nodes do not reach each other. Listeners
/// are told that something may be missing, not what. For tasks on any thread.
actor TopicHub: LoopBound {
    /// Lines that wait for one listener, and their bytes.
    private static let bufferLimit = 1024
    private static let bufferBytes = 1 << 20
    /// Of one application.
    private static let listenerLimit = 256
    /// What a listener reads.
    typealias Lines = AsyncMapSequence<AsyncStream<[UInt8]>, [UInt8]>
    /// How long a new listener waits for the other nodes.
    private static let longestOpening: Duration = .seconds(1)
    private static let shortestPause: Duration = .milliseconds(100)
    private static let longestPause: Duration = .seconds(2)

    private struct Listener {
        let application: ApplicationName
        /// Another node, which hears what is said on its own host by itself.
        let isNode: Bool
        /// In its own words: it is not sent what it says.
        let name: String?
        let lines: AsyncStream<[UInt8]>.Continuation
        /// It still waits for the other nodes, and has been told nothing yet that it could count on.
        var isOpening: Bool
        /// Of what it has not taken yet.
        var waitingBytes = 0
        /// Something was not kept for it, which it is told before the next line.
        var isBehind = false

        mutating func send(_ line: [UInt8]) {
            guard waitingBytes + line.count <= bufferBytes else { return isBehind = true }
            if isBehind {
                isBehind = false
                put(JSON.line(TopicLine.gap))
            }
            put(line)
        }

        private mutating func put(_ line: [UInt8]) {
            waitingBytes += line.count
            guard case .dropped(let oldest) = lines.yield(line) else { return }
            waitingBytes -= oldest.count
            isBehind = true
        }
    }

    struct Link: Hashable {
        let application: ApplicationName
        let host: HostName
    }

    nonisolated let loop: EventLoop
    /// Of its own, since each link keeps a connection.
    private let client: ControlClient
    private let logger: Logger
    private var listeners: [Int: Listener] = [:]
    private var lastID = 0
    private var links: [Link: Task<Void, Never>] = [:]
    private(set) var openLinks: Set<Link> = []
    private let linkWaiters = WaitingTasks()
    private var addresses: [HostName: SocketAddress] = [:]
    /// Where else each application has workers.
    private var hosts: [ApplicationName: Set<HostName>] = [:]
    private var follower: Task<Void, Never>?
    private var isStopped = false

    init(client: ControlClient, logger: Logger, on loop: EventLoop) {
        self.client = client
        self.logger = logger
        self.loop = loop
    }

    /// Begins to listen to other nodes; until then it serves this host alone.
    func start(following replica: Replica) {
        follower = Task(executorPreference: loop) {
            for await snapshot in await replica.snapshots() { await self.take(snapshot, peers: replica.peers) }
        }
    }

    /// Nobody hears anything any more.
    func stop() async {
        isStopped = true
        follower?.cancel()
        let running = links.values + [follower].compactMap(\.self)
        links = [:]
        for task in running { task.cancel() }
        for listener in listeners.values { listener.lines.finish() }
        for task in running { await task.value }
        await client.close()
    }

    /// Other nodes are asked under this key from now on.
    func use(_ key: ClusterKey) async throws(ControlError) { try await client.use(key) }

    // MARK: - Talking

    /// `sender` is the name of the listener that says it, if it is one.
    func publish(_ message: TopicMessage, of application: ApplicationName, by sender: String?) {
        send(TopicLine(message), to: application) { $0.name == nil || $0.name != sender }
    }

    /// What another node's workers say.
    private func pass(_ message: TopicMessage, of application: ApplicationName) {
        send(TopicLine(message), to: application) { !$0.isNode }
    }

    private func passGap(of application: ApplicationName) {
        send(.gap, to: application) { !$0.isNode && !$0.isOpening }
    }

    private func send(_ line: TopicLine, to application: ApplicationName, where isMeant: (Listener) -> Bool) {
        let line = JSON.line(line)
        for (id, listener) in listeners where listener.application == application && isMeant(listener) {
            listeners[id]?.send(line)
        }
    }

    // MARK: - Listening

    /// Lines for a worker of this host. Returns when the other nodes that can be reached send theirs, or after a second.
    /// - Returns: nil if too many listen already.
    func listen(to application: ApplicationName, as name: String?) async -> Lines? {
        guard let (id, lines) = open(application, isNode: false, name) else { return nil }
        updateLinks()
        await linkWaiters.wait(on: loop, atMost: Self.longestOpening) {
            !wantedLinks(of: application).isSubset(of: openLinks)
        }
        listeners[id]?.isOpening = false
        return lines
    }

    /// Lines for another node: what the workers of this host say.
    /// - Returns: nil if too many listen already.
    func listenAsNode(to application: ApplicationName) -> Lines? {
        open(application, isNode: true, nil)?.lines
    }

    private func open(
        _ application: ApplicationName, isNode: Bool, _ name: String?
    ) -> (id: Int, lines: Lines)? {
        guard !isStopped, listeners.values.count(where: { $0.application == application }) < Self.listenerLimit
        else { return nil }
        let (stream, continuation) = AsyncStream.makeStream(
            of: [UInt8].self, bufferingPolicy: .bufferingNewest(Self.bufferLimit))
        lastID += 1
        let id = lastID
        listeners[id] = Listener(
            application: application, isNode: isNode, name: name, lines: continuation, isOpening: !isNode)
        continuation.onTermination = { [weak self] _ in Task { await self?.close(id) } }
        let lines = stream.map { [weak self] line in
            await self?.note(line, takenBy: id)
            return line
        }
        return (id, lines)
    }

    private func note(_ line: [UInt8], takenBy id: Int) { listeners[id]?.waitingBytes -= line.count }

    private func close(_ id: Int) {
        listeners[id] = nil
        updateLinks()
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
        let applications = Set(listeners.values.lazy.filter { !$0.isNode }.map(\.application))
        let wanted = applications.reduce(into: Set<Link>()) { $0.formUnion(wantedLinks(of: $1)) }
        for (link, task) in links where !wanted.contains(link) {
            // Of a host that leaves, workers may still say something while they drain: it ends with its node.
            let isParting = addresses[link.host] == nil && openLinks.contains(link)
            if isParting, applications.contains(link.application) { continue }
            task.cancel()
            links[link] = nil
        }
        for link in wanted where links[link] == nil {
            links[link] = Task(executorPreference: loop) { await self.follow(link) }
        }
        linkWaiters.wake()
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
            if openLinks.remove(link) != nil {
                passGap(of: link.application)
                pause = Self.shortestPause
            }
            guard !Task.isCancelled else { return }
            guard addresses[link.host] != nil else { return links[link] = nil }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    private func listen(to link: Link, at address: SocketAddress) async throws(ControlError) {
        try await client.topics(of: link.application, at: address) { line in
            self.assumeIsolated { $0.take(line, link) }
            return true
        }
    }

    private func take(_ line: TopicLine, _ link: Link) {
        if let message = line.message { return pass(message, of: link.application) }
        if openLinks.insert(link).inserted { linkWaiters.wake() }
        passGap(of: link.application)  // At its opening, too: before it, nothing came from there.
    }
}
