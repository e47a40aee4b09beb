internal import IgropyrTime

/// A connection to a neighbour that stays open: it carries nothing, and its end is news.
struct Link: Sendable {
    /// Who is at the other end.
    let node: String
    /// Whether we opened it.
    let isOurs: Bool
    /// When the other end had answered; nil before.
    var openSince: Timestamp?
}

/// All links, ours and those of others.
struct LinkTable: Sendable {
    /// Links of others; further connections are for one exchange only.
    static let inboundLimit = 64

    private var links: [StreamID: Link] = [:]
    /// How long a neighbour is left alone that did not keep a link: at first, since it may not know us yet, and at
    /// most, for agents never do. Twice as long each time.
    static let firstPause = Duration.seconds(1)
    static let longestPause = Duration.seconds(64)

    private var pauses: [String: (until: Timestamp, length: Duration)] = [:]

    func standingCount(at now: Timestamp, trial: Duration) -> Int {
        links.values.count { link in link.openSince.map { $0.duration(to: now) >= trial } ?? false }
    }

    var inboundCount: Int { links.values.count { !$0.isOurs } }

    subscript(id: StreamID) -> Link? {
        get { links[id] }
        set { links[id] = newValue }
    }

    /// Whether a link of ours to `node` is there, is being opened, or was refused of late.
    func isSettled(with node: String, at now: Timestamp) -> Bool {
        if let pause = pauses[node], now < pause.until { return true }
        return links.values.contains { $0.isOurs && $0.node == node }
    }

    mutating func pause(with node: String, at now: Timestamp) {
        let length = pauses[node].map { min($0.length * 2, Self.longestPause) } ?? Self.firstPause
        pauses[node] = (now.advanced(by: length), length)
    }

    /// It keeps links, or is another one now.
    mutating func forgetPause(with node: String) { pauses[node] = nil }

    mutating func remove(_ id: StreamID) -> Link? { links.removeValue(forKey: id) }

    /// Removes the links that `isUnwanted`, and returns them in the order of their opening.
    mutating func removeAll(where isUnwanted: (Link) -> Bool) -> [StreamID] {
        let ids = links.filter { isUnwanted($0.value) }.keys.sorted { $0.number < $1.number }
        for id in ids { links[id] = nil }
        return ids
    }
}
