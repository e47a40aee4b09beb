public import IgropyrTime

/// How this host's wall clock stands beside those of the hosts with which it exchanges states.
///
/// What is said or decided under a clock more than 24 hours ahead (``HybridClock/maximumLeadMilliseconds``) others
/// refuse. Of clocks that differ by more, those are taken for right on which more than half of all agree, this host's
/// own among them.
public struct PeerClocks: Sendable {
    public enum Verdict: Hashable, Sendable {
        /// Nothing was heard of other clocks, or no more than half of all agree.
        case unknown
        case right
        /// Of these hosts' clocks: they refuse what is said and decided here.
        case ahead([HostName])
        /// These hosts' clocks are ahead, and at least this is the time.
        case behind([HostName], UnixTime)
    }

    /// What a peer's clock said, and when that was heard, by a clock that does not leap.
    private var readings: [HostName: (time: UnixTime, moment: Timestamp)] = [:]

    public init() {}

    public mutating func note(_ time: UnixTime, of peer: HostName, at moment: Timestamp) {
        readings[peer] = (time, moment)
    }

    public mutating func forget(except peers: Set<HostName>) { readings = readings.filter { peers.contains($0.key) } }

    /// What is to be thought of this host's clock, which says `now`.
    public func verdict(on now: UnixTime, at moment: Timestamp) -> Verdict {
        let times = readings.mapValues {
            $0.time.advanced(byMilliseconds: $0.moment.duration(to: moment).nanosecondsClamped / 1_000_000)
        }
        let late = times.filter { Self.isFar(now, ahead: $0.value) }
        let early = times.filter { Self.isFar($0.value, ahead: now) }
        let all = times.count + 1
        if 2 * late.count > all { return .ahead(late.keys.sorted()) }
        if 2 * early.count > all, let time = early.values.min() { return .behind(early.keys.sorted(), time) }
        let near = all - late.count - early.count
        return near > 1 && 2 * near > all ? .right : .unknown
    }

    private static func isFar(_ time: UnixTime, ahead other: UnixTime) -> Bool {
        time > other.advanced(byMilliseconds: HybridClock.maximumLeadMilliseconds)
    }
}
