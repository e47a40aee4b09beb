public import IgropyrGossip
public import IgropyrTime

/// A cluster in memory, in virtual time, of the very state machine that ships: what a seed does once, it does always.
///
/// Hosts are numbered from 0. The network between them loses, delays, repeats and reorders; hosts can be paused,
/// starved, switched off, restarted, cut off from each other, and their clocks can leap.
public final class Simulation {
    enum Event {
        case timer(Int, life: UInt32)
        case datagram([UInt8], from: Int, to: Int, life: UInt32)
        /// The next step of a TCP connection; or one side's message is there.
        case exchange(Int)
        case streamArrival(Int)
        case exchangeDeadline(Int)
        case linkEnd(SimulatedLink.End)
        case wake(Int, life: UInt32)
        case join(Int, life: UInt32, MemberAddress)
        case fault(Int, victim: Int)
        case faultEnd(Int, victim: Int)
    }

    public var hosts: [SimulatedHost] { machines }
    public var now: Timestamp { clock }
    /// Of all that happened: equal for equal runs.
    public var digest: UInt64 { trace }
    /// Events carried out.
    public internal(set) var steps = 0
    /// Each time that a member was declared failed, by each that did; the first million.
    public internal(set) var declarations: [Declaration] = []
    /// Called with the observer's number at each change in the list of some member.
    public var onMemberEvent: ((Int, MemberEvent) -> Void)?

    public var network = Network()
    /// Of hosts started from now on.
    public var settings = GossipSettings.lan
    public var keys: [[UInt8]] = []
    /// Whether hosts whose join has failed try again, a second later.
    public var retriesJoins = false
    /// Whether hosts keep what their cores report.
    public var keepsLogs = true

    // What every event touches is seen in this module only: so the compiler, not each access, finds that none is in
    // another's way; where it cannot, they never are, since nothing is called meanwhile that knows the simulation.
    @safe @exclusivity(unchecked)
    var machines: [SimulatedHost] = []
    var clock = Timestamp.zero
    var trace: UInt64 = 0xCBF2_9CE4_8422_2325
    @safe @exclusivity(unchecked)
    var random: SplitMix64
    @safe @exclusivity(unchecked)
    var events = EventHeap<Event>()
    var exchanges: [Int: Exchange] = [:]
    var lastExchange = 0
    /// Each under both of its ends.
    var links: [SimulatedLink.End: SimulatedLink] = [:]
    var indexByName: [String: Int] = [:]
    var faults: [Fault] = []
    var areFaultsOn = false
    /// Whether anything was reported since the last look.
    var hasNews = true

    public init(seed: UInt64) { random = SplitMix64(seed: seed) }

    /// 10.0.0.1 and so on.
    public static func address(_ index: Int) -> MemberAddress {
        let number = UInt32(truncatingIfNeeded: index + 1)
        return MemberAddress(
            ipv4: 10, UInt8(truncatingIfNeeded: number >> 16), UInt8(truncatingIfNeeded: number >> 8),
            UInt8(truncatingIfNeeded: number), port: 7946)
    }

    /// Nil if there is no such host.
    func index(of address: MemberAddress) -> Int? {
        guard let number = address.ipv4 else { return nil }
        let index = Int(number & 0xFF_FFFF) - 1
        return machines.indices.contains(index) && Self.address(index) == address ? index : nil
    }

    // MARK: - Hosts

    @discardableResult
    public func start(_ name: String) throws(GossipError) -> Int {
        let index = hosts.count
        let host = SimulatedHost(gossip: try makeGossip(name, index: index, incarnation: 1, tags: [:]))
        machines.append(host)
        indexByName[name] = index
        rearm(index)
        return index
    }

    private func makeGossip(
        _ name: String, index: Int, incarnation: UInt32, tags: [String: String]
    ) throws(GossipError) -> Gossip {
        var configuration = GossipConfiguration(name: name, address: Self.address(index))
        configuration.incarnation = incarnation
        configuration.settings = settings
        configuration.tags = tags
        configuration.keys = keys
        return try Gossip(configuration, at: now, using: SplitMix64(seed: random.next()))
    }

    /// Starts `count` hosts named m0, m1, …; each joins one that was started before, chosen at random.
    public func startCluster(_ count: Int) throws(GossipError) {
        for index in hosts.count..<hosts.count + count {
            try start("m\(index)")
            if index > 0 { join(index, by: Int(random.next() % UInt64(index))) }
        }
    }

    /// Starts `count` hosts that know each other from the start: large clusters take long to simulate while they form.
    public func startAcquaintedCluster(_ count: Int) throws(GossipError) {
        let range = hosts.count..<hosts.count + count
        for index in range { try start("m\(index)") }
        guard let first = range.first else { return }
        hosts[first].gossip.meet(hosts[range].dropFirst().map(\.gossip), at: now)
        let knowing = hosts[first].gossip
        for index in range.dropFirst() {
            hosts[index].gossip.adoptMembers(of: knowing, at: now)
            rearm(index)
        }
        rearm(first)
    }

    public func join(_ index: Int, by other: Int) { command(index) { $0.join([Self.address(other)], at: $1) } }

    public func command<Failure: Error>(
        _ index: Int, _ body: (inout Gossip, Timestamp) throws(Failure) -> [Directive]
    ) throws(Failure) {
        carryOut(try body(&hosts[index].gossip, hosts[index].localTime(at: now)), of: index)
        rearm(index)
    }

    /// The same name and address, nothing remembered.
    public func restart(
        _ index: Int, incarnation: UInt32 = 1, tags: [String: String] = [:]
    ) throws(GossipError) {
        let host = hosts[index]
        if !host.isPoweredOff { endLinks(of: index) }
        let gossip = try makeGossip(host.gossip.name, index: index, incarnation: incarnation, tags: tags)
        host.beginAnew(with: gossip, at: now)
        rearm(index)
    }

    public func status(of name: String, at index: Int) -> Member.Status? {
        hosts[index].gossip.member(named: name)?.status
    }

    public func memberEvents(at index: Int) -> [MemberEvent] {
        hosts[index].log.compactMap { if case .member(let event) = $0 { event } else { nil } }
    }

    /// Whether every member that runs holds exactly those that run for alive.
    public var hasOneView: Bool {
        let running = hosts.filter(\.isRunning)
        let names = running.map(\.gossip.name)
        return running.allSatisfy { $0.gossip.holdsForAlive(exactly: names) }
    }

    // MARK: - Time

    /// Runs until `isDone`, which is asked whenever a core has reported something, or for `limit`. Returns whether it
    /// is done.
    @discardableResult
    public func run(for limit: Duration, until isDone: (Simulation) -> Bool = { _ in false }) -> Bool {
        let end = now.advanced(by: limit)
        hasNews = true
        while true {
            if hasNews {
                hasNews = false
                if isDone(self) { return true }
            }
            guard let next = events.nextTime, next <= end, let (time, event) = events.popFirst() else { break }
            clock = max(clock, time)
            steps += 1
            handle(event)
        }
        clock = end
        return isDone(self)
    }

    private func handle(_ event: Event) {
        switch event {
        case .timer(let index, let life): handleTimer(of: index, life: life)
        case .datagram(let bytes, let source, let index, let life):
            guard hosts[index].life == life, hosts[index].isRunning else { return }
            receive(.datagram(bytes, from: source), at: index)
        case .exchange(let number): advance(number)
        case .streamArrival(let number): deliver(number)
        case .exchangeDeadline(let number): expire(number)
        case .linkEnd(let end): receive(.linkEnd(end), at: end.host)
        case .wake(let index, let life): wake(index, life: life)
        case .join(let index, let life, let address):
            guard hosts[index].life == life, hosts[index].isRunning else { return }
            command(index) { $0.join([address], at: $1) }
        case .fault(let index, let victim): begin(index, victim: victim)
        case .faultEnd(let index, let victim): end(index, victim: victim)
        }
    }

    private func handleTimer(of index: Int, life: UInt32) {
        let host = hosts[index]
        guard host.life == life, host.armedFor == now, host.isRunning else { return }
        guard host.pausedUntil <= now else { return }  // Seen to when it wakes.
        host.armedFor = .distantFuture
        handleTimeout(of: index)
    }

    /// Calls the core if its time has come.
    func handleTimeout(of index: Int) {
        let host = hosts[index]
        if host.deadline <= now {
            record(UInt64(index) << 8 | 1)
            carryOut(host.gossip.handleTimeout(at: host.localTime(at: now)), of: index)
        }
        rearm(index)
    }

    func rearm(_ index: Int) {
        let host = hosts[index]
        let due = max(now, host.deadline)
        guard host.isRunning, due < host.armedFor else { return }
        host.armedFor = due
        events.add(.timer(index, life: host.life), at: due)
    }

    func record(_ value: UInt64) {
        let next = (trace ^ value ^ UInt64(bitPattern: clock.nanoseconds) << 20) &* 0x0000_0100_0000_01B3
        trace = next ^ next >> 29
    }
}
