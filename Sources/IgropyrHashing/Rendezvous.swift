/// Weighted rendezvous hashing by the logarithmic method: of all members, a key goes to the one that scores highest,
/// and a member scores highest with a probability in proportion to its weight.
///
/// A member's score depends on key, member and weight alone. So who comes or goes moves only the keys that it wins or
/// held. Source: Schindelhauer and Schomaker, "Weighted distributed hash tables" (SPAA 2005), score `-w / ln(u)`.
public enum Rendezvous {
    /// Where a member stands for one key: the lesser precedes. Equal only for members whose ids have equal hashes.
    public struct Cost: Comparable, Sendable {
        /// `-log2(u) / weight`, in units of 2^-56: the inverse of the score, so that arithmetic stays in integers.
        let scaled: UInt64
        /// Decides among equal costs; keeps members of equal weight in the order of their draws.
        let draw: UInt64

        /// Never precedes another.
        static let worst = Cost(scaled: .max, draw: 0)

        init(scaled: UInt64, draw: UInt64) {
            self.scaled = scaled
            self.draw = draw
        }

        public static func < (left: Cost, right: Cost) -> Bool {
            left.scaled != right.scaled ? left.scaled < right.scaled : left.draw > right.draw
        }
    }

    /// - Parameters:
    ///   - key: The hash of the key.
    ///   - member: The hash of the member's id.
    ///   - weight: At least 1.
    /// - Returns: What the member bids; the least of all members' costs wins the key.
    public static func cost(key: UInt64, member: UInt64, weight: UInt16) -> Cost {
        cost(draw: draw(key: key, member: member), inverseWeight: inverse(of: weight))
    }

    /// Uniform over all 64-bit numbers, and independent from one pair to the next (`mix` in `docs/hashing.md`).
    public static func draw(key: UInt64, member: UInt64) -> UInt64 {
        XXH64.avalanche(XXH64.avalanche(key) ^ member)
    }

    /// The same for a slot of a table, and stratified: over all slots a member draws each value of the upper 16 bits
    /// once. So it has neither more nor fewer high draws than others, and members of equal weight get shares that are
    /// more even.
    static func draw(slot: UInt16, member: UInt64) -> UInt64 {
        UInt64(permuted(slot, by: member)) << 48 | draw(key: UInt64(slot), member: member) >> 16
    }

    /// One of the permutations of all 16-bit numbers, as the bits of `key` pick it.
    static func permuted(_ number: UInt16, by key: UInt64) -> UInt16 {
        var mixed = number ^ UInt16(truncatingIfNeeded: key)
        mixed &*= UInt16(truncatingIfNeeded: key >> 16) | 1
        mixed ^= mixed >> 8
        mixed &*= UInt16(truncatingIfNeeded: key >> 32) | 1
        mixed ^= mixed >> 7
        mixed &*= UInt16(truncatingIfNeeded: key >> 48) | 1
        return mixed ^ mixed >> 9
    }

    /// 2^64 / weight: multiplying by it and taking the high half divides, in a tenth of the time.
    static func inverse(of weight: UInt16) -> UInt64 {
        precondition(weight > 0, "a member without weight wins no key")
        return .max / UInt64(weight)
    }

    /// How far a draw may stay below the greatest one and still cost no more than `cost`; draws farther below cost
    /// more.
    ///
    /// For 1 - u is at most -log2(u) · ln 2. Times 2^8, from units of 2^-56 to those of draws, that is 177.4 times
    /// `cost` · weight; 178, and 8 instead of 1, make up for what the logarithm and the division cut off.
    static func reach(within cost: Cost, weight: UInt16) -> UInt64 {
        let (limit, isPastAll) = cost.scaled.addingReportingOverflow(8)
        let (reach, isPastEach) = limit.multipliedReportingOverflow(by: 178 * UInt64(weight))
        return isPastAll || isPastEach ? .max : reach
    }

    static func cost(draw: UInt64, inverseWeight: UInt64) -> Cost {
        Cost(
            scaled: FixedPointLogarithm.negatedLog2(draw).multipliedFullWidth(by: inverseWeight).high, draw: draw)
    }
}
