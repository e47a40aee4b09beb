import ArgumentParser

/// Lengths of time on the command line.
enum Span {
    private static let units: [(suffix: String, length: Duration)] = [
        ("ms", .milliseconds(1)), ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3600)),
        ("d", .seconds(86_400)),
    ]

    /// `90`, `1.5s`, `200ms`, `10m`, `24h`; a bare number counts seconds. Up to a year.
    static func parseDuration(_ text: String) throws -> Duration { try parse(text, bare: .seconds(1)) }

    private static func parse(_ text: String, bare: Duration) throws -> Duration {
        let unit = units.first { text.hasSuffix($0.suffix) }
        guard let number = Double(text.dropLast(unit?.suffix.count ?? 0)), number >= 0, number.isFinite,
            unit?.length ?? bare <= .seconds(31_536_000) / max(1, number)
        else { throw ValidationError("\"\(text)\" is no length of time: write it as 90s, 200ms, 10m or 24h.") }
        return (unit?.length ?? bare) * number
    }

    /// `0.5..20s`; `unit` is that of bare numbers. One length stands for both.
    static func parse(_ text: String, unit: Duration) throws -> ClosedRange<Duration> {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard let gap = parts.firstIndex(of: "") else {
            let length = try parse(text, bare: unit)
            return length...length
        }
        let low = try parse(parts[..<gap].joined(separator: "."), bare: unit)
        let high = try parse(parts[(gap + 1)...].joined(separator: "."), bare: unit)
        guard low <= high else { throw ValidationError("\"\(text)\": the first must not be the longer one.") }
        return low...high
    }
}
