internal import IgropyrTime

/// A small generator, good enough for games and simulations, never for keys: one seed, one sequence.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// True with this probability.
    mutating func hits(_ probability: Double) -> Bool {
        probability > 0 && Double(next() >> 11) * 0x1p-53 < probability
    }

    mutating func duration(in range: ClosedRange<Duration>) -> Duration {
        let (low, high) = (range.lowerBound.nanosecondsClamped, range.upperBound.nanosecondsClamped)
        return .nanoseconds(low + Int64(truncatingIfNeeded: next() % UInt64(max(0, high - low) + 1)))
    }
}
