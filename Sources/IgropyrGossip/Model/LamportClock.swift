/// Orders events without a common time: later than everything witnessed.
struct LamportClock: Sendable {
    /// Times beyond are refused, so that no message can wrap anybody's clock.
    static let limit: UInt64 = 1 << 62

    private(set) var time: UInt64 = 1

    static func isPlausible(_ time: UInt64) -> Bool { time < limit }

    mutating func witness(_ other: UInt64) {
        guard Self.isPlausible(other), other >= time else { return }
        time = other + 1
    }

    /// The current time; the clock moves on.
    mutating func tick() -> UInt64 {
        defer { witness(time) }
        return time
    }
}
