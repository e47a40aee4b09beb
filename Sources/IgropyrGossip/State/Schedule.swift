internal import IgropyrTime

/// When each of the regular duties is due next; the first time after a random delay, so that members do not march in step.
struct Schedule: Sendable {
    var probe: Timestamp
    var gossip: Timestamp
    var pushPull: Timestamp
    var reap: Timestamp
    var reconnect: Timestamp
    /// Never, unless neighbours are to have links.
    var links: Timestamp

    init(settings: GossipSettings, at now: Timestamp, using random: inout RandomSource) {
        probe = now.advanced(by: random.delay(below: settings.probeInterval))
        gossip = now.advanced(by: random.delay(below: settings.gossipInterval))
        pushPull = now.advanced(by: random.delay(below: settings.pushPullInterval))
        reap = now.advanced(by: settings.reapInterval)
        reconnect = now.advanced(by: settings.reconnectInterval)
        links = settings.linkFanout > 0 ? now : .distantFuture
    }

    /// True, and the next time set, if `duty` is due. Missed times are skipped.
    mutating func takeDue(
        _ duty: WritableKeyPath<Schedule, Timestamp>, every interval: Duration, at now: Timestamp
    ) -> Bool {
        let due = self[keyPath: duty]
        guard due <= now else { return false }
        let next = due.advanced(by: interval)
        self[keyPath: duty] = next > now ? next : now.advanced(by: interval)
        return true
    }
}
