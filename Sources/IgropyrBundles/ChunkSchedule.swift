public import IgropyrTime

/// Decides which chunk of a bundle to ask of whom; whoever drives it makes the requests and tells what comes of them.
///
/// As BitTorrent has it: the rarest chunk first among some at random, so that hosts that fetch at the same time fetch
/// different ones and have something for each other; in the end a chunk that keeps somebody waiting is asked of one
/// more. How many requests a peer has at once follows how fast it answers: with many askers at one slow uplink, one
/// each.
public struct ChunkSchedule<Peer: Hashable & Comparable & Sendable>: Sendable {
    public struct Settings: Sendable {
        /// Requests under way, to all peers; each may bring ``ContentChunker/maximumBytes``.
        public var requests = 32
        /// To one peer at most, and in the beginning.
        public var widestWindow = 8
        public var firstWindow = 2
        /// A chunk that comes faster widens its peer's window by one; one that comes slower than `slow` narrows it.
        public var fast = Duration.milliseconds(100)
        public var slow = Duration.seconds(1)
        /// Of the chunks that a peer could send, so many are compared to find the rarest.
        public var candidates = 64
        /// How long a chunk may be on its way before an idle peer is asked for it, too.
        public var patience = Duration.seconds(2)
        /// After a failure a peer rests, twice as long after each more in a row.
        public var shortestRest = Duration.milliseconds(200)
        public var longestRest = Duration.seconds(10)

        public init() {}
    }

    public struct Request: Hashable, Sendable {
        public let peer: Peer
        /// In ``BundleIndex/distinctChunks``.
        public let chunk: Int
    }

    public enum Failure: Hashable, Sendable {
        /// It does not have the chunk, or no longer.
        case missing
        /// No answer, or an error.
        case unreachable
        /// It sent something else. Such a peer is not asked again.
        case corrupt
    }

    private struct PeerState {
        var holdings: ChunkSet
        /// How many of those it could send are not here, and how many of these nobody was asked for.
        var useful = 0
        var unasked = 0
        var inFlight: [Int: Timestamp] = [:]
        var window: Int
        var failures = 0
        var restEnd = Timestamp.zero
        var isBad = false
    }

    public private(set) var held: ChunkSet
    private let settings: Settings
    private var peers: [Peer: PeerState] = [:]
    /// How many peers have each chunk.
    private var copies: [Int]
    /// How often each chunk is on its way.
    private var askers: [Int]
    /// The numbers of those neither here nor on their way, in no order, and where each stands there.
    private var unasked: [Int]
    private var places: [Int?]
    private var requestCount = 0

    /// `held`: what is here already.
    public init(held: ChunkSet, settings: Settings = Settings()) {
        self.held = held
        self.settings = settings
        copies = Array(repeating: 0, count: held.capacity)
        askers = copies
        unasked = (0..<held.capacity).filter { !held.contains($0) }
        places = Array(repeating: nil, count: held.capacity)
        for (place, chunk) in unasked.enumerated() { places[chunk] = place }
    }

    public var isComplete: Bool { held.isFull }

    /// Whether nothing is on its way, and nobody known has what is missing, or nobody that may be asked again.
    public var isStuck: Bool { requestCount == 0 && !peers.values.contains { $0.useful > 0 && !$0.isBad } }

    /// The peers of whom more is to be learned: those that lack something and are not known for bad.
    public func isWorthAsking(_ peer: Peer) -> Bool {
        guard let state = peers[peer] else { return true }
        return !state.isBad && !state.holdings.isFull
    }

    /// What a peer says that it has; it replaces what it said before.
    public mutating func setHoldings(_ holdings: ChunkSet, of peer: Peer) {
        precondition(holdings.capacity == held.capacity)
        if peers[peer] == nil {
            let none = ChunkSet(capacity: held.capacity)
            peers[peer] = PeerState(holdings: none, window: settings.firstWindow)
        }
        for chunk in 0..<held.capacity {
            let (had, has) = (peers[peer]?.holdings.contains(chunk) == true, holdings.contains(chunk))
            if had != has { copies[chunk] += has ? 1 : -1 }
        }
        peers[peer]?.holdings = holdings
        peers[peer]?.useful = (0..<held.capacity).count { holdings.contains($0) && !held.contains($0) }
        peers[peer]?.unasked = unasked.count { holdings.contains($0) }
    }

    /// The requests to make now. Ask again after each event, and some times a second.
    public mutating func nextRequests(
        at now: Timestamp, using random: inout some RandomNumberGenerator
    ) -> [Request] {
        var requests: [Request] = []
        // In turns, so that the first does not get all: the order is random, the same for one seed.
        var candidates = peers.keys.sorted().shuffled(using: &random)
        while !candidates.isEmpty {
            candidates.removeAll { peer in
                guard canAsk(peer, at: now), let chunk = choose(for: peer, at: now, using: &random) else { return true }
                begin(chunk, at: peer, now)
                requests.append(Request(peer: peer, chunk: chunk))
                return false
            }
        }
        return requests
    }

    /// A chunk has come and was checked. One that came before, from another, changes nothing.
    public mutating func handleChunk(_ chunk: Int, from peer: Peer, at now: Timestamp) {
        if let start = end(chunk, at: peer) {
            let time = start.duration(to: now)
            let change = time <= settings.fast ? 1 : time > settings.slow ? -1 : 0
            let window = (peers[peer]?.window ?? 1) + change
            peers[peer]?.window = min(max(1, window), settings.widestWindow)
            peers[peer]?.failures = 0
        }
        guard held.insert(chunk) else { return }
        removeFromUnasked(chunk)
        for peer in peers.keys where peers[peer]?.holdings.contains(chunk) == true { peers[peer]?.useful -= 1 }
    }

    /// A request came to nothing.
    public mutating func handleFailure(_ failure: Failure, of chunk: Int, at peer: Peer, _ now: Timestamp) {
        _ = end(chunk, at: peer)
        if !held.contains(chunk), askers[chunk] == 0, places[chunk] == nil { addToUnasked(chunk) }
        switch failure {
        case .missing: forget(chunk, at: peer)
        case .corrupt: peers[peer]?.isBad = true
        case .unreachable: rest(peer, now)
        }
    }

    private mutating func rest(_ peer: Peer, _ now: Timestamp) {
        guard let failures = peers[peer]?.failures else { return }
        let rest = min(settings.longestRest, settings.shortestRest * (1 << min(failures, 10)))
        peers[peer]?.failures = failures + 1
        peers[peer]?.window = 1
        peers[peer]?.restEnd = now.advanced(by: rest)
    }

    private mutating func forget(_ chunk: Int, at peer: Peer) {
        guard peers[peer]?.holdings.contains(chunk) == true else { return }
        peers[peer]?.holdings.remove(chunk)
        copies[chunk] -= 1
        if !held.contains(chunk) { peers[peer]?.useful -= 1 }
        if places[chunk] != nil { peers[peer]?.unasked -= 1 }
    }

    // MARK: - Choosing

    private func canAsk(_ peer: Peer, at now: Timestamp) -> Bool {
        guard let state = peers[peer], !state.isBad, now >= state.restEnd else { return false }
        return state.inFlight.count < state.window && requestCount < settings.requests
    }

    private func choose(
        for peer: Peer, at now: Timestamp, using random: inout some RandomNumberGenerator
    ) -> Int? {
        guard let state = peers[peer] else { return nil }
        return rarest(of: state, using: &random) ?? overdue(of: state, at: now)
    }

    /// Looks at some from a random place on; at all, if the peer has few of them.
    private func rarest(of state: PeerState, using random: inout some RandomNumberGenerator) -> Int? {
        guard state.unasked > 0 else { return nil }
        let start = Int.random(in: 0..<unasked.count, using: &random)
        var best: Int?
        var seen = 0
        for offset in 0..<unasked.count where seen < settings.candidates {
            let chunk = unasked[(start + offset) % unasked.count]
            guard state.holdings.contains(chunk) else { continue }
            seen += 1
            if best.map({ copies[chunk] < copies[$0] }) ?? true { best = chunk }
        }
        return best
    }

    /// The chunk that another has kept waiting for longest.
    private func overdue(of state: PeerState, at now: Timestamp) -> Int? {
        let limit = now.advanced(by: .zero - settings.patience)
        let late = peers.values.lazy.flatMap(\.inFlight).filter { chunk, start in
            start <= limit && askers[chunk] == 1 && state.holdings.contains(chunk) && state.inFlight[chunk] == nil
                && !held.contains(chunk)
        }
        return late.min { ($0.value, $0.key) < ($1.value, $1.key) }?.key
    }

    private mutating func begin(_ chunk: Int, at peer: Peer, _ now: Timestamp) {
        peers[peer]?.inFlight[chunk] = now
        askers[chunk] += 1
        requestCount += 1
        removeFromUnasked(chunk)
    }

    /// When it was asked; nil if it was not.
    private mutating func end(_ chunk: Int, at peer: Peer) -> Timestamp? {
        guard let start = peers[peer]?.inFlight.removeValue(forKey: chunk) else { return nil }
        askers[chunk] -= 1
        requestCount -= 1
        return start
    }

    private mutating func addToUnasked(_ chunk: Int) {
        places[chunk] = unasked.count
        unasked.append(chunk)
        countUnasked(chunk, by: 1)
    }

    private mutating func removeFromUnasked(_ chunk: Int) {
        guard let place = places[chunk] else { return }
        places[chunk] = nil
        countUnasked(chunk, by: -1)
        let last = unasked.removeLast()
        guard last != chunk else { return }
        unasked[place] = last
        places[last] = place
    }

    private mutating func countUnasked(_ chunk: Int, by change: Int) {
        for peer in peers.keys where peers[peer]?.holdings.contains(chunk) == true { peers[peer]?.unasked += change }
    }
}
