/// Orders events without a common time: later than everything witnessed.
struct LamportClock: Sendable {
    /// Times beyond are refused, so that nothing can wrap anybody's clock.
    static let limit: UInt64 = 1 << 62
    /// So are those that are further ahead: one message of a member with a fault could else take every clock to its
    /// limit, and what anybody said from then on would be refused. A cluster with a thousand events a second gets there
    /// in 35 years.
    static let leap: UInt64 = 1 << 40

    private(set) var time: UInt64 = 1

    func isPlausible(_ other: UInt64) -> Bool { other < Self.limit && other <= time + Self.leap }

    mutating func witness(_ other: UInt64) {
        guard isPlausible(other), other >= time else { return }
        time = other + 1
    }

    /// The current time; the clock moves on.
    mutating func tick() -> UInt64 {
        defer { witness(time) }
        return time
    }
}
