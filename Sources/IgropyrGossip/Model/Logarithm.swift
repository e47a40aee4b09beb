/// The standard library has no logarithms, and a core imports nothing that does.
enum Logarithm {
    /// For positive, finite numbers: ln(2^e · m) = e · ln 2 + 2 · artanh((m − 1) / (m + 1)), to about 1e-15.
    static func natural(_ number: Double) -> Double {
        let ratio = (number.significand - 1) / (number.significand + 1)
        var term = ratio
        var sum = 0.0
        for index in 0..<18 {
            sum += term / Double(2 * index + 1)
            term *= ratio * ratio
        }
        return Double(number.exponent) * 0.693147180559945309 + 2 * sum
    }

    /// Exact for powers of ten.
    static func decimal(_ number: Double) -> Double {
        let logarithm = natural(number) / 2.302585092994045684
        let nearest = logarithm.rounded()
        return abs(logarithm - nearest) < 1e-12 ? nearest : logarithm
    }

    /// ceil(log10(number)) for numbers from 1.
    static func decimalCeiling(_ number: Int) -> Int { ceiling(number, base: 10) }

    /// ceil(log2(number)) for numbers from 1.
    static func binaryCeiling(_ number: Int) -> Int { ceiling(number, base: 2) }

    private static func ceiling(_ number: Int, base: Int) -> Int {
        var power = 1
        var exponent = 0
        while power < number && power < Int.max / base {
            power *= base
            exponent += 1
        }
        return exponent
    }
}
