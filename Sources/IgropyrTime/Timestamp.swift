/// A point on a monotonic clock that somebody else reads: a loop's, or a simulator's.
///
/// Counts nanoseconds from an origin that means nothing outside the process; never goes over the wire or to disk.
/// Arithmetic saturates, so that a hostile or absurd duration cannot trap.
public struct Timestamp: InstantProtocol, Sendable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The origin of the clock.
    public static let zero = Timestamp(nanoseconds: 0)
    /// Later than every deadline.
    public static let distantFuture = Timestamp(nanoseconds: .max)

    public static func milliseconds(_ count: Int64) -> Timestamp { Timestamp(counting: count, of: 1_000_000) }
    public static func seconds(_ count: Int64) -> Timestamp { Timestamp(counting: count, of: 1_000_000_000) }

    private init(counting count: Int64, of unit: Int64) {
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        nanoseconds = overflow ? (count < 0 ? .min : .max) : product
    }

    public func advanced(by duration: Duration) -> Timestamp {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.nanosecondsClamped)
        guard overflow else { return Timestamp(nanoseconds: sum) }
        return duration < .zero ? Timestamp(nanoseconds: .min) : .distantFuture
    }

    public func duration(to other: Timestamp) -> Duration {
        .nanoseconds(other.nanoseconds) - .nanoseconds(nanoseconds)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Duration {
    /// Whole nanoseconds, towards zero, held to what an `Int64` can say (±292 years).
    ///
    /// Cheap from zero to 78 minutes, as timers are armed with for every request: a nanosecond is 2⁹ · 1 953 125
    /// attoseconds, and what is left of so few after the shift fits 64 bits.
    public var nanosecondsClamped: Int64 {
        if let few = Int64(exactly: attoseconds >> 9), few >= 0 { return few / 1_953_125 }
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        guard overflow || carry else { return sum }
        return seconds < 0 ? .min : .max
    }

    /// Whole seconds, rounded up: what is told to those who count in seconds, and is not to become none at all.
    public var secondsRoundedUp: Int64 {
        let (seconds, attoseconds) = components
        return attoseconds > 0 && seconds < .max ? seconds + 1 : seconds
    }

    /// Whole milliseconds, rounded up, never negative: what a timer that must not fire early is set to.
    public var millisecondsRoundedUp: Int64 {
        let nanoseconds = max(0, nanosecondsClamped)
        return nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1)
    }
}
