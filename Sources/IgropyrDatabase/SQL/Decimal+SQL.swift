public import FoundationEssentials

/// Exact, both ways: of a number that has more digits than a `Decimal` holds, 38, nothing is read.
extension Decimal: SQLElement {
    public var sqlValue: SQLValue { .decimal(self) }

    public init?(sqlBytes: ArraySlice<UInt8>?) {
        guard let text = String(sqlBytes: sqlBytes), let value = Decimal(string: text) else { return nil }
        // Foundation reads what it can of a text, and rounds.
        guard value.description == Self.shortened(text) else { return nil }
        self = value
    }

    /// Without noughts at the end of a fraction.
    private static func shortened(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: ".")) else { return text }
        var rest = text[...]
        while rest.last == "0" { rest.removeLast() }
        if rest.last == "." { rest.removeLast() }
        return rest == "-0" ? "0" : String(rest)
    }
}
