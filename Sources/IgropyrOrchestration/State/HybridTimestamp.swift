/// When something was decided, in an order that respects cause and effect although hosts' clocks differ.
///
/// Source: Kulkarni et al., "Logical physical clocks" (2014). Compared by time, then count, then origin: two hosts never
/// make equal ones.
public struct HybridTimestamp: Hashable, Comparable, Sendable, Codable {
    /// The greatest wall clock reading that the origin knew of.
    public var time: UnixTime
    /// Counts what happened within that millisecond.
    public var count: UInt32
    /// The host that made it.
    public var origin: HostName

    public init(time: UnixTime, count: UInt32 = 0, origin: HostName) {
        self.time = time
        self.count = count
        self.origin = origin
    }

    public static func < (left: HybridTimestamp, right: HybridTimestamp) -> Bool {
        (left.time, left.count, left.origin) < (right.time, right.count, right.origin)
    }
}

/// Makes a host's hybrid timestamps: each is greater than all that it made or observed before.
public struct HybridClock: Sendable, Equatable {
    /// A timestamp from a clock so far ahead that following it would spoil ours for as long.
    public struct TooFarAhead: Error, Hashable, Sendable {
        public var timestamp: HybridTimestamp
        public var now: UnixTime
    }

    /// 24 hours: how far another host's clock may be ahead.
    public static let maximumLeadMilliseconds: Int64 = 24 * 3600 * 1000

    public let host: HostName
    private var time = UnixTime(milliseconds: 0)
    private var count: UInt32 = 0

    public init(host: HostName) { self.host = host }

    /// A timestamp for something that this host decides now.
    public mutating func tick(at now: UnixTime) -> HybridTimestamp {
        if now > time {
            (time, count) = (now, 0)
        } else if count < .max {
            count += 1
        } else {
            (time, count) = (time.advanced(byMilliseconds: 1), 0)
        }
        return HybridTimestamp(time: time, count: count, origin: host)
    }

    /// Lets every later ``tick(at:)`` be greater than `timestamp`.
    /// - Throws: If it is more than 24 hours ahead; then nothing changes, and what it came with should be dropped.
    public mutating func observe(_ timestamp: HybridTimestamp, at now: UnixTime) throws(TooFarAhead) {
        guard timestamp.time <= now.advanced(byMilliseconds: Self.maximumLeadMilliseconds) else {
            throw TooFarAhead(timestamp: timestamp, now: now)
        }
        if (time, count) < (timestamp.time, timestamp.count) { (time, count) = (timestamp.time, timestamp.count) }
    }
}
