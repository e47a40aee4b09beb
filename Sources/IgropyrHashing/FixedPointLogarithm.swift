/// Logarithms in integers. The C library's `log` differs in the last bit from one machine to the next, and with it a
/// ring's table would; integer arithmetic does not.
enum FixedPointLogarithm {
    /// Fractional bits of every result.
    static let fractionBits: UInt64 = 56

    private static let indexBits: UInt64 = 10

    /// `1 - log2(1 + i / 1024)` for i in 0...1024, falling from one to zero.
    private static let table: [UInt64] = (0...1024).map { index in
        (1 << fractionBits) - log2(mantissa: (1 << 63) &+ UInt64(index) << (63 - indexBits))
    }

    /// `-log2(draw / 2^64)`, at most 64; never rises with `draw`. Interpolated between 1025 points: the relative error
    /// is under 0.05 %, also where `draw` is close to 2^64 and the result to zero.
    static func negatedLog2(_ draw: UInt64) -> UInt64 {
        guard draw != 0 else { return 64 << fractionBits }
        let exponent = UInt64(draw.leadingZeroBitCount)
        let fraction = (draw << exponent) << 1  // Without the leading one: the mantissa's part behind the point.
        let index = Int(fraction >> (64 - indexBits))
        let upper = table[index]
        let drop = (upper - table[index + 1]).multipliedFullWidth(by: fraction << indexBits).high
        return exponent << fractionBits + upper - drop
    }

    /// log2 of `mantissa / 2^63`, which is from 1 up to 2: squared again and again, each time it reaches 2 is a bit.
    private static func log2(mantissa: UInt64) -> UInt64 {
        guard mantissa != 0 else { return 1 << fractionBits }  // 2^64, wrapped: the table's last entry.
        var (value, result): (UInt64, UInt64) = (mantissa, 0)
        for _ in 0..<fractionBits {
            let square = value.multipliedFullWidth(by: value)  // In units of 2^-126.
            let reachesTwo = square.high >> 63
            value = reachesTwo == 1 ? square.high : square.high << 1 | square.low >> 63
            result = result << 1 | reachesTwo
        }
        return result
    }
}
