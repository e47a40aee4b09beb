public import IgropyrGossip
internal import IgropyrTime
public import IgropyrUV
internal import Logging

/// A member of a cluster of Igropyr nodes and Serf agents: the protocol core, driven over UDP and TCP on one event
/// loop.
///
/// ``start()`` opens its sockets, which keep it alive until ``leave()`` or ``shutdown()``. For tasks on any thread.
public actor Membership: LoopBound {
    private static let metricsInterval = Duration.seconds(1)

    public nonisolated let loop: EventLoop
    let configuration: MembershipConfiguration
    var core: Gossip?
    var sockets: Sockets?
    var wheel: TimerWheel?
    private var timer: Timer?
    private var armedFor: Timestamp?
    private var metrics: MembershipMetrics?
    private var metricsTimer: WheelTimer?
    var inbound: [ObjectIdentifier: InboundExchange] = [:]
    /// Links of ours included.
    var outbound: [StreamID: OutboundExchange] = [:]
    var inboundLinks: [StreamID: InboundExchange] = [:]
    var subscribers = Subscribers()
    var seeds: SeedBook
    var seedTask: Task<Void, Never>?
    var discovery: Discovery?
    private var leaveWaiters: [CheckedContinuation<Void, Never>] = []
    var pendingQueries: [Query.ID: AsyncStream<QueryReply>.Continuation] = [:]
    /// Connections of others that were closed because too many were open.
    public internal(set) var refusedStreams = 0
    /// Requests over TCP that made no sense to us, wrong keys included.
    public internal(set) var refusedRequests = 0

    public init(_ configuration: MembershipConfiguration, on loop: EventLoop) {
        self.configuration = configuration
        self.loop = loop
        seeds = SeedBook(
            configuration.seeds, services: configuration.seedServices,
            remembered: configuration.rememberedPeers.map { $0.inZone(configuration.zone) })
    }

    // MARK: - What it knows

    /// Everybody, ourselves included, by name; empty unless running.
    public var members: [Member] { core?.members ?? [] }

    public func member(named name: String) -> Member? { core?.member(named: name) }

    public var counters: Counters { core?.counters ?? Counters() }

    /// Neighbours whose process's end we would hear of at once: their connections have stood for a second.
    public var linkCount: Int { core?.linkCount(at: EventLoop.preciseNow) ?? 0 }

    /// The keys in use, the one that seals first; empty unless running and encrypted.
    public var keys: [[UInt8]] { core?.keys ?? [] }

    /// Network coordinates by member: ours, and those of members that answered us. Their distances are round-trip
    /// times.
    public var coordinates: [String: NetworkCoordinate] { core?.knownCoordinates ?? [:] }

    /// What came by multicast DNS and was broken, or too much; 0 without discovery.
    public var refusedDiscoveries: Int { discovery?.refusals ?? 0 }

    /// Where we listen; nil unless running.
    public var localAddress: SocketAddress? { sockets?.address }

    /// Where others reach us; nil unless running.
    public var advertisedAddress: SocketAddress? { core.map { socketAddress(of: $0.address) } }

    /// Members tell addresses without zones: link-local ones are on the network that ours is on.
    func socketAddress(of member: MemberAddress) -> SocketAddress {
        SocketAddress(member).inZone(configuration.zone)
    }

    /// All events from now on, so ask before ``start()``; ends with ``shutdown()``. A reader that lags by more than
    /// `bufferLimit` loses the oldest and then reads ``MembershipEvent/lagged``.
    public func events(bufferLimit: Int = 1_024) -> AsyncStream<MembershipEvent> {
        let (id, events) = subscribers.add(bufferLimit: bufferLimit)
        subscribers.onTermination(of: id) { [weak self] in
            Task { await self?.removeSubscriber(id) }
        }
        return events
    }

    private func removeSubscriber(_ id: Int) { subscribers.remove(id) }

    // MARK: - Life

    /// Binds, and begins to look for the seeds. Does not wait for them.
    public func start() throws(MembershipError) {
        guard core == nil else { return }
        guard !configuration.bind.isAny || configuration.advertise?.isAny == false else {
            throw .noAdvertisedAddress(configuration.bind)
        }
        for address in [configuration.bind, configuration.advertise].compactMap(\.self) where address.lacksZone {
            throw .missingZone(address)
        }
        try refuseToHide()
        do throws(MembershipError) {
            try begin()
        } catch {
            closeSockets()
            core = nil
            throw error
        }
    }

    private func begin() throws(MembershipError) {
        let sockets = try openSockets()
        self.sockets = sockets
        core = try makeCore(bound: sockets.address)
        do throws(UVError) {
            wheel = try TimerWheel(on: loop)
            timer = try Timer(on: loop)
            try sockets.datagrams.startReceiving { bytes, source in
                self.receive(bytes.copied, from: source)
            }
            try sockets.listener.start { stream in self.accept(stream) }
        } catch {
            throw MembershipError(code: .system, description: "cannot listen on \(sockets.address): \(error)")
        }
        if let cluster = configuration.discovery, let address = advertisedAddress {
            discovery = try Discovery(
                of: cluster, name: configuration.name, at: address, bound: sockets.address, on: loop
            ) { found in self.didDiscover(found) }
        }
        configuration.logger.info(
            "gossip started",
            metadata: [
                "name": "\(configuration.name)", "bind": "\(sockets.address)",
                "encrypted": "\(!configuration.keys.isEmpty)",
            ])
        rearm()
        startMetrics()
        // Without seeds, too: members that come and fail are remembered.
        seedTask = Task(executorPreference: loop) { [weak self] in await self?.lookForSeeds() }
    }

    private func openSockets() throws(MembershipError) -> Sockets {
        guard let inherited = configuration.sockets else { return try Sockets(binding: configuration.bind, on: loop) }
        do throws(UVError) {
            return try Sockets(owning: inherited, on: loop)
        } catch {
            throw MembershipError(code: .system, description: "cannot go on with the sockets for gossip: \(error)")
        }
    }

    private func makeCore(bound: SocketAddress) throws(MembershipError) -> Gossip {
        var advertised = configuration.advertise ?? bound
        if advertised.port == 0 { advertised.port = bound.port }
        var core = GossipConfiguration(name: configuration.name, address: MemberAddress(advertised))
        core.incarnation = UInt32(clamping: EventLoop.secondsSince1970)
        core.tags = configuration.tags
        core.delegate = configuration.delegate
        core.admission = configuration.admission
        core.keys = configuration.keys
        core.label = configuration.label
        core.settings = configuration.settings
        do throws(GossipError) {
            return try Gossip(core, at: EventLoop.preciseNow, using: SystemRandomNumberGenerator())
        } catch {
            throw MembershipError(error)
        }
    }

    private func startMetrics() {
        metrics = MembershipMetrics(configured: configuration.metrics, member: configuration.name)
        guard let wheel, metrics != nil else { return }
        metricsTimer = WheelTimer(on: wheel) { self.updateMetrics() }
        updateMetrics()
    }

    private func updateMetrics() {
        guard let core else { return }
        metrics?.update(from: core, links: linkCount)
        metricsTimer?.arm(after: Self.metricsInterval)
    }

    /// Tells everybody, waits until the news is out (a few seconds), then shuts down. For them we have left, not
    /// failed.
    public func leave() async {
        guard core != nil else { return }
        seedTask?.cancel()
        seedTask = nil
        discovery?.leave()
        await withCheckedContinuation { continuation in
            guard core != nil else { return continuation.resume() }  // Shut down meanwhile.
            leaveWaiters.append(continuation)
            perform { core, now in core.leave(at: now) }
        }
        shutdown()
    }

    /// Falls silent for another member of this name that goes on with the sockets, which the caller then owns
    /// (``MembershipConfiguration/sockets``): as nobody is refused there meanwhile, the others do not take it for
    /// failed if it comes before they would suspect it. Nil unless running; what throws changes nothing.
    public func leaveToSuccessor() throws(UVError) -> MembershipSockets? {
        let left = try sockets?.duplicates()
        shutdown()
        return left
    }

    /// Closes everything at once, without a word: others will see that we failed. Idempotent.
    public func shutdown() {
        seedTask?.cancel()
        seedTask = nil
        closeSockets()
        core = nil
        for query in pendingQueries.values { query.finish() }
        pendingQueries = [:]
        resumeLeaveWaiters()
        subscribers.finish()
    }

    private func closeSockets() {
        sockets?.close()
        sockets = nil
        discovery?.close()
        discovery = nil
        let accepted = Array(inbound.values) + Array(inboundLinks.values)
        let opened = outbound.values
        inbound = [:]
        inboundLinks = [:]  // Before they are closed: the end of a link that we close is no news.
        outbound = [:]
        for exchange in accepted { exchange.close() }
        for exchange in opened { exchange.close() }
        metricsTimer?.invalidate()
        metricsTimer = nil
        metrics = nil
        timer?.close()
        wheel?.close()
        timer = nil
        wheel = nil
        armedFor = nil
    }

    func resumeLeaveWaiters() {
        for waiter in leaveWaiters { waiter.resume() }
        leaveWaiters = []
    }

    // MARK: - The core

    /// Calls the core, carries out what it wants, and sets the timer for its next deadline.
    func perform<Failure: Error>(
        _ body: (inout Gossip, Timestamp) throws(Failure) -> [Directive]
    ) throws(Failure) {
        guard core != nil else { return }
        let directives = try body(&core!, EventLoop.preciseNow)
        for directive in directives { carryOut(directive) }
        rearm()
    }

    private func rearm() {
        guard let deadline = core?.deadline, deadline != armedFor else { return }
        armedFor = deadline
        let delay = max(.zero, EventLoop.preciseNow.duration(to: deadline))
        try? timer?.start(after: delay) { self.timerDidFire() }  // Fails only once closed.
    }

    private func timerDidFire() {
        armedFor = nil
        perform { core, now in core.handleTimeout(at: now) }
    }
}
