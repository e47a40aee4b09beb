extension Schema where Value == Duration {
    /// A whole number with its unit: `250ms`, `2s`, `5m`, `1h`, `7d`. A bare `0` needs none.
    public static func duration(in range: ClosedRange<Duration>) -> Schema<Duration> {
        .text(
            "a duration from \(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound)), "
                + "such as 250ms, 2s, 5m or 1h"
        ) { text in
            guard let duration = Quantity.duration(text), range.contains(duration) else { return nil }
            return duration
        }
    }
}

extension Schema where Value == Int {
    /// A count of bytes, bare or with a unit: `512`, `64KiB`, `1MB`, `2GiB`. Units with an `i` are powers of 1024,
    /// those without of 1000.
    public static func bytes(in range: ClosedRange<Int>) -> Schema<Int> {
        .text(
            "a count of bytes from \(Quantity.text(bytes: range.lowerBound)) to "
                + "\(Quantity.text(bytes: range.upperBound)), such as 512, 64KiB or 1MB"
        ) { text in
            guard let bytes = Quantity.bytes(text), range.contains(bytes) else { return nil }
            return bytes
        }
    }
}

/// Numbers with a unit, read and written.
public enum Quantity {
    private static let durations: [(unit: String, length: Duration)] = [
        ("d", .seconds(86_400)), ("h", .seconds(3600)), ("m", .seconds(60)), ("s", .seconds(1)),
        ("ms", .milliseconds(1)), ("us", .microseconds(1)),
    ]
    private static let byteUnits: [(unit: String, count: Int)] = [
        ("TiB", 1 << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20),
        ("MB", 1_000_000), ("KiB", 1 << 10), ("KB", 1000),
        ("kB", 1000), ("B", 1),
    ]

    /// Nil for what is no whole number below 2⁴⁰ with a unit.
    public static func duration(_ text: String) -> Duration? {
        guard let (number, unit) = split(text) else { return nil }
        if unit.isEmpty { return number == 0 ? .zero : nil }
        return durations.first { $0.unit == unit }.map { $0.length * number }
    }

    /// Nil for what is no whole number below 2⁴⁰, maybe with a unit, or too large for an `Int`.
    public static func bytes(_ text: String) -> Int? {
        guard let (number, unit) = split(text) else { return nil }
        if unit.isEmpty { return number }
        guard let factor = byteUnits.first(where: { $0.unit == unit })?.count else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }

    /// In the greatest unit that leaves it whole; nanoseconds are cut off.
    public static func text(_ duration: Duration) -> String {
        if duration == .zero { return "0" }
        for (unit, length) in durations {
            let (count, rest) = duration.divided(by: length)
            if rest == .zero { return "\(count)\(unit)" }
        }
        return "\(duration)"
    }

    public static func text(bytes: Int) -> String {
        for (unit, count) in byteUnits where unit != "kB" && unit != "B" && bytes != 0 && bytes % count == 0 {
            return "\(bytes / count)\(unit)"
        }
        return "\(bytes)"
    }

    private static func split(_ text: String) -> (Int, String)? {
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
        guard (1...13).contains(digits.count), let number = Int(String(digits) ?? ""), number < 1 << 40 else {
            return nil
        }
        return (number, String(text.dropFirst(digits.count)))
    }
}

extension Duration {
    fileprivate func divided(by length: Duration) -> (count: Int64, rest: Duration) {
        let count = Int64(self / length)
        return (count, self - length * count)
    }
}
