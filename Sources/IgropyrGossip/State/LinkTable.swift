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
    /// When a neighbour may be asked again that did not keep a link, as agents do not.
    private var pausedUntil: [String: Timestamp] = [:]

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
        if let until = pausedUntil[node], now < until { return true }
        return links.values.contains { $0.isOurs && $0.node == node }
    }

    mutating func pause(with node: String, until: Timestamp) { pausedUntil[node] = until }

    mutating func remove(_ id: StreamID) -> Link? { links.removeValue(forKey: id) }

    /// Removes the links that `isUnwanted`, and returns them in the order of their opening.
    mutating func removeAll(where isUnwanted: (Link) -> Bool) -> [StreamID] {
        let ids = links.filter { isUnwanted($0.value) }.keys.sorted { $0.number < $1.number }
        for id in ids { links[id] = nil }
        return ids
    }

    mutating func forgetPauses(before now: Timestamp) { pausedUntil = pausedUntil.filter { $0.value > now } }
}
