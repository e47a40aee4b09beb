internal import IgropyrUV

/// By whom to be let in: the seeds, what their names stood for last and what came of asking them; and where members
/// were.
struct SeedBook {
    private static let firstPause = Duration.seconds(1)
    /// Between two rounds while nobody else is there.
    private static let longestPauseAlone = Duration.seconds(30)
    /// The same for those that are missing while others are there.
    private static let longestPause = Duration.seconds(60)
    /// How many of the missing are asked in a round.
    static let missingPerRound = 3
    /// Members' addresses that are remembered; those unheard of for longest go first.
    static let rememberedLimit = 64
    /// Names and addresses that are noted; more, and all are noted anew.
    private static let notesLimit = 1_024

    let endpoints: [Endpoint]
    let services: [String]
    /// The one heard of last is at the end.
    private(set) var remembered: [SocketAddress]
    private var seedByAddress: [SocketAddress: Endpoint] = [:]
    private var lastReason: [String: String] = [:]
    /// Who has let us in, and has not failed since.
    private var joined: Set<String> = []
    private var pause = firstPause
    /// Rounds in which all of them were asked.
    private(set) var attempts = 0

    init(_ endpoints: [Endpoint], services: [String] = [], remembered: [SocketAddress] = []) {
        self.endpoints = endpoints
        self.services = services
        self.remembered = remembered.prefix(Self.rememberedLimit).reversed()
    }

    /// Whether the user has named it.
    func isNamed(_ seed: String) -> Bool { services.contains(seed) || endpoints.contains { "\($0)" == seed } }

    // MARK: - Members

    /// Keeps a member's address in mind, through its failure and for as long as there is room.
    mutating func remember(_ address: SocketAddress) {
        remembered.removeAll { $0 == address }
        if remembered.count >= Self.rememberedLimit { remembered.removeFirst() }
        remembered.append(address)
    }

    /// It has left: nothing is to be looked for there.
    mutating func forget(_ address: SocketAddress) { remembered.removeAll { $0 == address } }

    // MARK: - Rounds

    mutating func beginRound() {
        attempts += 1
        if seedByAddress.count > Self.notesLimit { seedByAddress = [:] }
        if lastReason.count > Self.notesLimit { lastReason = [:] }
        if joined.count > Self.notesLimit { joined = [] }
    }

    mutating func note(_ addresses: [SocketAddress], of seed: Endpoint) {
        for address in addresses { seedByAddress[address] = seed }
    }

    func seed(at address: SocketAddress) -> Endpoint {
        seedByAddress[address] ?? Endpoint(host: address.hostText, port: address.port)
    }

    /// Whether it failed for another reason than the last time: worth a warning.
    mutating func noteFailure(of seed: String, _ reason: String) -> Bool {
        joined.remove(seed)
        return lastReason.updateValue(reason, forKey: seed) != reason
    }

    /// Whether it had failed since the last time, or there was none: worth a line.
    mutating func noteSuccess(of seed: Endpoint) -> Bool {
        lastReason["\(seed)"] = nil
        pause = Self.firstPause
        return joined.insert("\(seed)").inserted
    }

    /// Whether the next round would come soon anyway.
    var isFresh: Bool { pause == Self.firstPause }

    mutating func hurry() { pause = Self.firstPause }

    /// How long to wait before the next round: twice as long each time, up to half a minute alone, else a minute.
    mutating func nextPause(isAlone: Bool) -> Duration {
        let next = min(pause, isAlone ? Self.longestPauseAlone : Self.longestPause)
        pause = min(pause * 2, Self.longestPause)
        return next
    }
}
