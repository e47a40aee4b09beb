internal import IgropyrTime

/// When each of the regular duties is due next; the first time after a random delay, so that members do not march in
/// step.
struct Schedule: Sendable {
    var probe: Timestamp
    var gossip: Timestamp
    var pushPull: Timestamp
    var reap: Timestamp
    var reconnect: Timestamp
    /// Never, unless neighbours are to have links.
    var links: Timestamp
    var revival: Timestamp

    init(settings: GossipSettings, at now: Timestamp, using random: inout RandomSource) {
        let small = settings.smallCluster
        probe = now.advanced(by: random.delay(below: small?.probeInterval ?? settings.probeInterval))
        gossip = now.advanced(by: random.delay(below: settings.gossipInterval))
        pushPull = now.advanced(by: random.delay(below: settings.pushPullInterval))
        reap = now.advanced(by: settings.reapInterval)
        reconnect = now.advanced(by: settings.reconnectInterval)
        links = settings.linkFanout > 0 ? now : .distantFuture
        revival = small.map { now.advanced(by: random.delay(below: $0.revivalInterval)) } ?? .distantFuture
    }

    /// True, and the next time set, if a duty is due. Missed times are skipped.
    static func takeDue(_ due: inout Timestamp, every interval: Duration, at now: Timestamp) -> Bool {
        guard due <= now else { return false }
        let next = due.advanced(by: interval)
        due = next > now ? next : now.advanced(by: interval)
        return true
    }
}
