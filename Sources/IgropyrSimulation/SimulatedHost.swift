public import IgropyrGossip
internal import IgropyrTime

/// A host with its member, as the simulator sees it.
public final class SimulatedHost {
    enum Arrival {
        case datagram([UInt8], from: Int)
        /// The request of an exchange, or the reply to one's own.
        case stream(Int)
        case linkEnd(SimulatedLink.End)
    }

    // A core calls nobody: no access to one can meet another, and the checks of that showed in the profile.
    @safe @exclusivity(unchecked)
    public internal(set) var gossip: Gossip
    @safe @exclusivity(unchecked)
    public internal(set) var isRunning = true
    @safe @exclusivity(unchecked)
    public internal(set) var traffic = Traffic()
    /// What the core reported, in order; kept only if ``Simulation/keepsLogs``.
    public internal(set) var log: [Directive] = []
    /// Datagrams that found the socket's buffer full.
    public internal(set) var overflows = 0

    /// Without a kernel that would refuse connections.
    var isPoweredOff = false
    /// Its number of starts: what was under way to an earlier life is void.
    var life: UInt32 = 0
    /// How far its monotonic clock is ahead of the simulation's.
    var clockLead = Duration.zero
    /// The simulation's time of the timer event that counts; later ones are void.
    var armedFor = Timestamp.distantFuture
    var pausedUntil = Timestamp.zero
    /// Until then it runs only now and then, after pauses.
    var starvedUntil = Timestamp.zero
    /// What arrived while it was paused.
    var inbox: [Arrival] = []
    var inboxBytes = 0
    /// Hosts of different sides do not reach each other.
    var side = 0
    /// When it last could not do its work: paused, starved, down, cut off; nil if never.
    var impairedUntil: Timestamp?

    init(gossip: Gossip) { self.gossip = gossip }

    /// As a new process on a host that was switched on: nothing is left but what the network knows of it.
    func beginAnew(with gossip: Gossip, at now: Timestamp) {
        self.gossip = gossip
        isRunning = true
        log = []
        overflows = 0
        isPoweredOff = false
        life += 1
        clockLead = .zero
        armedFor = .distantFuture
        pausedUntil = .zero
        starvedUntil = .zero
        inbox = []
        inboxBytes = 0
        impairedUntil = now
    }

    func localTime(at now: Timestamp) -> Timestamp { now.advanced(by: clockLead) }
    /// The core's deadline by the simulation's clock.
    var deadline: Timestamp { gossip.deadline.advanced(by: .zero - clockLead) }
}
