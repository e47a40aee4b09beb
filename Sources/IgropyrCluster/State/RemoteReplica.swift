internal import IgropyrGossip
public import IgropyrOrchestration
public import IgropyrUV

/// A copy of the cluster's state for a process that is no member any more, as one whose place in the gossip another has
/// taken: hears who has failed from one node, by its control API, and asks it for what has changed; when that is gone,
/// from the next.
///
/// For a while only: it knows the nodes that were there when it began and those of which it hears. It has its client
/// use the cluster's keys as they change. For tasks on any thread.
public actor RemoteReplica: LoopBound {
    /// Between two questions for what has changed, and before the next node is tried.
    private static let pause: Duration = .milliseconds(500)
    /// Exchanges in a row, each of at most some megabytes.
    private static let roundLimit = 100

    public nonisolated let loop: EventLoop
    private let name: HostName
    private let client: ControlClient
    private var state: ReplicatedState
    private var clock: HybridClock
    private var statuses: [HostName: StatusReport.Host.Status]
    private var nodes: [HostName: SocketAddress]
    private let subscriber: AsyncStream<Replica.Snapshot>.Continuation
    /// The first is the one that it began with; ends with ``follow()``. For one reader, who misses those in between if
    /// slow.
    public nonisolated let snapshots: AsyncStream<Replica.Snapshot>
    /// The one in use first; empty without any.
    private var keys: [ClusterKey]
    private let keySubscriber: AsyncStream<[ClusterKey]>.Continuation
    /// The cluster's keys after each change, as ``snapshots``.
    public nonisolated let changedKeys: AsyncStream<[ClusterKey]>

    /// `name` is what the nodes know this process by; `snapshot` is the last that it had as a member, and so are
    /// `keys`.
    public init(
        _ name: HostName, from snapshot: Replica.Snapshot, keys: [ClusterKey] = [], client: ControlClient,
        on loop: EventLoop
    ) {
        self.name = name
        self.keys = keys
        self.client = client
        self.loop = loop
        state = snapshot.state
        clock = HybridClock(host: name)
        let members = snapshot.members.compactMap { member in member.host.map { ($0, member) } }
        statuses = Dictionary(members.map { ($0, .init($1.status)) }) { first, _ in first }
        let addresses = members.compactMap { name, member in member.controlAddress.map { (name, $0) } }
        nodes = Dictionary(addresses) { first, _ in first }
        (snapshots, subscriber) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (changedKeys, keySubscriber) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        subscriber.yield(snapshot)
    }

    /// Until its task is cancelled.
    public func follow() async {
        while !Task.isCancelled {
            for name in nodes.keys.shuffled() where statuses[name] == .alive && !Task.isCancelled {
                if let address = nodes[name] { await listen(to: address) }
            }
            try? await Task.sleep(for: Self.pause)
        }
        subscriber.finish()
        keySubscriber.finish()
    }

    /// Until it is gone.
    private func listen(to node: SocketAddress) async {
        let (keyNews, news) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let questions = [
            Task(executorPreference: loop) { await self.askNowAndThen(node) },
            Task(executorPreference: loop) { for await _ in keyNews { await self.fetchKeys(from: node) } },
        ]
        do throws(ControlError) {
            try await client.events(of: node) { line in
                if line.concernsKeys { news.yield() }
                return self.assumeIsolated { $0.take(line) }
            }
        } catch {
            // Why it ended does not matter else: others are asked, and this one again after them.
            if error.code == .wrongKey { await tryNextKey() }
        }
        for question in questions { question.cancel() }
        for question in questions { await question.value }
    }

    /// At once: a key that is replaced is soon of no use.
    private func fetchKeys(from node: SocketAddress) async {
        guard !keys.isEmpty, let answer = try? await client.admission(by: node) else { return }
        let present = answer.keys.compactMap(ClusterKey.init(base64:))
        guard let first = present.first, present != keys else { return }
        keys = present
        try? await client.use(first)  // It fails only for want of memory; then the next answer tells.
        keySubscriber.yield(keys)
    }

    private func tryNextKey() async {
        guard keys.count > 1 else { return }
        keys.append(keys.removeFirst())
        try? await client.use(keys[0])
    }

    /// - Returns: Whether the stream is to go on: it has to begin anew where lines were lost.
    private func take(_ line: EventLine) -> Bool {
        switch line {
        case .started(_, let members): for member in members { note(member) }
        case .member(_, let member): note(member)
        case .lagged: return false
        case .userEvent, .query, .joined, .joinFailed, .nameConflict, .keysChanged: return true
        }
        publish()
        return true
    }

    private func note(_ member: MembersReport.Member) {
        guard let name = HostName(rawValue: member.name) else { return }
        statuses[name] = member.status
        guard member.role == .node, let port = member.tags[MemberTags.control].flatMap(UInt16.init),
            let address = SocketAddress(parsing: member.address, defaultPort: 0)
        else { return }
        nodes[name] = SocketAddress(host: address.host, port: port)
    }

    private func askNowAndThen(_ node: SocketAddress) async {
        while !Task.isCancelled {
            try? await fetchChanges(from: node)
            try? await Task.sleep(for: Self.pause)
        }
    }

    private func fetchChanges(from node: SocketAddress) async throws(ControlError) {
        for _ in 0..<Self.roundLimit {
            let question = StateExchange(sender: name, digest: state.digest, delta: StateDelta(), time: .now)
            let delta = try await client.exchange(question, with: node).delta
            // The times are those that the node believes.
            guard !state.restore(delta, at: .now, clock: &clock).isEmpty else { return }
            publish()
            if delta.isComplete { return }
        }
    }

    private func publish() {
        let names = { (status: StatusReport.Host.Status) in Set(self.statuses.filter { $0.value == status }.keys) }
        subscriber.yield(
            Replica.Snapshot(state: state, members: [], alive: names(.alive), failed: names(.failed)))
    }
}

extension EventLine {
    /// At the first, too, there may be news: what came while nobody listened.
    fileprivate var concernsKeys: Bool {
        switch self {
        case .started, .keysChanged: true
        case .member, .userEvent, .query, .joined, .joinFailed, .nameConflict, .lagged: false
        }
    }
}
