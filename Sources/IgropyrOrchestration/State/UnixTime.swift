internal import IgropyrTime

/// A wall clock's reading, in milliseconds since 1970. Hosts' clocks differ: compare those of one host only.
public struct UnixTime: RawRepresentable, Hashable, Comparable, Sendable, Codable {
    public var rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }
    public init(milliseconds: Int64) { rawValue = milliseconds }

    public var milliseconds: Int64 { rawValue }

    /// Saturates, so that no reading from the wire can trap.
    public func advanced(byMilliseconds count: Int64) -> UnixTime {
        let (sum, overflow) = rawValue.addingReportingOverflow(count)
        return UnixTime(milliseconds: overflow ? (count < 0 ? .min : .max) : sum)
    }

    /// Negative where `other` is later. Saturates, too.
    public func milliseconds(since other: UnixTime) -> Int64 {
        let (difference, overflow) = rawValue.subtractingReportingOverflow(other.rawValue)
        return overflow ? (self < other ? .min : .max) : difference
    }

    /// The day, in UTC, such as `2026-01-31`.
    public var day: String { CalendarDay(number: Int(milliseconds / 86_400_000)).text }

    public static func < (left: UnixTime, right: UnixTime) -> Bool { left.rawValue < right.rawValue }
}
