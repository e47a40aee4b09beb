/// When something was decided, in an order that respects cause and effect although hosts' clocks differ.
///
/// Source: Kulkarni et al., "Logical physical clocks" (2014). Compared by time, then count, then origin: two hosts
/// never make equal ones. What follows from a decision by rule, such as a rollback, comes right after it, and before
/// every later decision of an operator who knew it.
public struct HybridTimestamp: Hashable, Comparable, Sendable, Codable {
    /// What a host concluded from a decision, without an operator.
    public struct Conclusion: Hashable, Comparable, Sendable, Codable {
        /// Of two conclusions from one decision the one with the greater rank counts.
        public var rank: Int
        /// Several hosts may come to the same one at the same time.
        public var host: HostName

        public init(rank: Int, host: HostName) {
            self.rank = rank
            self.host = host
        }

        public static func < (left: Conclusion, right: Conclusion) -> Bool {
            (left.rank, left.host) < (right.rank, right.host)
        }
    }

    /// The greatest wall clock reading that the origin knew of.
    public var time: UnixTime
    /// Counts what happened within that millisecond.
    public var count: UInt32
    /// The host that made it.
    public var origin: HostName
    /// nil: it is an operator's decision.
    public var conclusion: Conclusion?

    public init(time: UnixTime, count: UInt32 = 0, origin: HostName) {
        self.time = time
        self.count = count
        self.origin = origin
    }

    public static func < (left: HybridTimestamp, right: HybridTimestamp) -> Bool {
        let (a, b) = ((left.time, left.count, left.origin), (right.time, right.count, right.origin))
        guard a == b else { return a < b }
        guard let conclusion = left.conclusion else { return right.conclusion != nil }
        return right.conclusion.map { conclusion < $0 } ?? false
    }

    /// Of the operator's decision that it is, or was concluded from.
    var decision: HybridTimestamp {
        var timestamp = self
        timestamp.conclusion = nil
        return timestamp
    }

    /// Of what `host` concludes from this decision; `rank` above 0.
    public func concluded(rank: Int, by host: HostName) -> HybridTimestamp {
        var timestamp = self
        timestamp.conclusion = Conclusion(rank: (conclusion?.rank ?? 0) + rank, host: host)
        return timestamp
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
