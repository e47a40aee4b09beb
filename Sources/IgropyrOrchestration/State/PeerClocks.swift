public import IgropyrTime

/// How this host's wall clock stands beside those of the hosts with which it exchanges states.
///
/// What is decided under a clock more than 24 hours ahead (``HybridClock/maximumLeadMilliseconds``) others refuse. Of clocks that
/// differ by more, those are taken for right that agree with more than half of all, this host's own among them.
public struct PeerClocks: Sendable {
    /// What a peer's clock said, and when that was heard, by a clock that does not leap.
    private var readings: [HostName: (time: UnixTime, moment: Timestamp)] = [:]

    public init() {}

    public mutating func note(_ time: UnixTime, of peer: HostName, at moment: Timestamp) {
        readings[peer] = (time, moment)
    }

    public mutating func forget(except peers: Set<HostName>) { readings = readings.filter { peers.contains($0.key) } }

    /// The hosts that refuse what is decided here now, if these are more than half of all; else none.
    public func behind(_ now: UnixTime, at moment: Timestamp) -> [HostName] {
        let behind = present(at: moment).filter { Self.isFar(now, ahead: $0.value) }.keys
        return 2 * behind.count > readings.count + 1 ? behind.sorted() : []
    }

    /// Whether this host's clock is one of more than half that agree; false if it has heard of no other.
    public func agree(with now: UnixTime, at moment: Timestamp) -> Bool {
        let near = present(at: moment).values.count { !Self.isFar(now, ahead: $0) && !Self.isFar($0, ahead: now) }
        return near > 0 && 2 * (near + 1) > readings.count + 1
    }

    /// What the peers' clocks say at that moment.
    private func present(at moment: Timestamp) -> [HostName: UnixTime] {
        readings.mapValues {
            let elapsed = $0.moment.duration(to: moment).nanosecondsClamped / 1_000_000
            return $0.time.advanced(byMilliseconds: elapsed)
        }
    }

    private static func isFar(_ time: UnixTime, ahead other: UnixTime) -> Bool {
        time > other.advanced(byMilliseconds: HybridClock.maximumLeadMilliseconds)
    }
}
