internal import IgropyrTime

/// Which share of pings stays unanswered by members that are alive: a mean that forgets.
struct LossEstimate: Sendable {
    /// How many pings it remembers, more or less.
    private let memory: Double
    private var share: Double
    private var count: Double

    /// Begins as if `count` pings had shown this share.
    init(memory: Int, share: Double, count: Int) {
        self.memory = Double(memory)
        self.share = share
        self.count = Double(count)
    }

    var mean: Double { share }

    /// The mean and two standard errors.
    var upperBound: Double { share + 2 * (share * (1 - share) / count).squareRoot() }

    mutating func add(isAnswered: Bool) {
        count = min(memory, count + 1)
        share += ((isAnswered ? 0 : 1) - share) / count
    }
}

/// How the pings of this member fare, all of them and by peer.
struct LossBook: Sendable {
    struct Peer: Sendable {
        fileprivate(set) var loss: LossEstimate
        /// When it last answered.
        fileprivate(set) var heardAt: Timestamp?
    }

    /// Pings to all, of the last minute and of the last seconds: the first is exact, the second is quick to see that a
    /// network has turned bad. Before the first answers a fifth of the pings is thought to be lost.
    private var long = LossEstimate(memory: 256, share: 0.2, count: 8)
    private var short = LossEstimate(memory: 16, share: 0.2, count: 8)
    private var peers: [String: Peer] = [:]
    private static let peerMemory = 32
    /// Worse than that cannot be told from no answers at all.
    private static let mostLoss = 0.9

    /// What share of pings this peer would leave unanswered at worst, though alive.
    func likelihood(ofSilenceBy peer: String, atLeast least: Double) -> Double {
        let known = peers[peer]?.loss.upperBound ?? 0
        return min(Self.mostLoss, max(least, long.upperBound, short.mean, known))
    }

    mutating func note(isAnswered: Bool, by peer: String) {
        long.add(isAnswered: isAnswered)
        short.add(isAnswered: isAnswered)
        var known = peers[peer] ?? newPeer
        known.loss.add(isAnswered: isAnswered)
        peers[peer] = known
    }

    mutating func noteHeard(_ peer: String, at now: Timestamp) {
        var known = peers[peer] ?? newPeer
        known.heardAt = now
        peers[peer] = known
    }

    func hasHeard(_ peer: String, since time: Timestamp) -> Bool { peers[peer]?.heardAt.map { $0 >= time } ?? false }

    mutating func forget(_ peer: String) { peers[peer] = nil }

    private var newPeer: Peer { Peer(loss: LossEstimate(memory: Self.peerMemory, share: long.mean, count: 8)) }
}
