import IgropyrTime

/// Figures for people.
enum Text {
    static func fixed(_ number: Double, _ digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let whole = Int64((abs(number) * scale).rounded())
        let sign = number < 0 && whole > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let fraction = String(whole % Int64(scale))
        return "\(sign)\(whole / Int64(scale)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }

    static func seconds(_ duration: Duration) -> String { trimmed(Double(duration.nanosecondsClamped) / 1e9) }
    static func milliseconds(_ duration: Duration) -> String { trimmed(Double(duration.nanosecondsClamped) / 1e6) }

    private static func trimmed(_ number: Double) -> String {
        var text = fixed(number, 3)
        while text.hasSuffix("0") { text.removeLast() }
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }

    static func inSeconds(_ duration: Duration?) -> String {
        duration.map { "\(fixed(Double($0.nanosecondsClamped) / 1e9, 2)) s" } ?? "never"
    }

    /// Columns of the same width; numbers to the right.
    static func table(_ rows: [[String]]) -> String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : space + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
