extension Schema {
    /// A word of a closed set; errors name them in this order.
    public static func enumeration(_ words: KeyValuePairs<String, Value>) -> Schema<Value> where Value: Sendable {
        let pairs = Array(words)
        let expected = pairs.count == 1 ? pairs[0].key : "one of " + pairs.map(\.key).joined(separator: ", ")
        return Schema(expected: expected) { node, issues in
            if case .scalar(let text, _) = node.content {
                if let pair = pairs.first(where: { $0.key == text }) { return pair.value }
                let hint = Suggestion.nearest(to: text, in: pairs.map(\.key)).map { "; did you mean \($0)?" } ?? ""
                issues.add("found \(node.found), expected \(expected)\(hint)", at: node)
            } else {
                issues.add("found \(node.found), expected \(expected)", at: node)
            }
            return nil
        }
    }

    /// A word of an enumeration whose raw values are those that a file has.
    public static func word() -> Schema<Value>
    where Value: CaseIterable & RawRepresentable & Sendable, Value.RawValue == String {
        text("one of " + Value.allCases.map(\.rawValue).joined(separator: ", ")) { Value(rawValue: $0) }
    }

    /// `off`, or `false`, in place of a value: then nil.
    public static func off<Wrapped>(or schema: Schema<Wrapped>) -> Schema<Value> where Value == Wrapped? {
        let expected = schema.expected + " or off"
        return Schema(expected: expected) { node, issues in
            switch node.content {
            case .scalar("off", isPlain: true), .scalar("false", isPlain: true): .some(nil)
            case .scalar, .nothing, .list, .mapping: schema.convert(node, issues).map(Optional.some)
            }
        }
    }
}

extension Schema where Value == String {
    /// Any text, empty only if quoted. Numbers and words such as `true` are taken as they are written.
    public static var string: Schema<String> { .text("a text") { $0 } }

    /// A text of so many bytes of UTF-8.
    public static func string(bytes: ClosedRange<Int>) -> Schema<String> {
        .text("a text of \(bytes.lowerBound) to \(bytes.upperBound) bytes") { bytes.contains($0.utf8.count) ? $0 : nil }
    }
}

extension Schema where Value == Bool {
    /// `true` or `false`; not `yes` or `on`, which YAML's versions take for different things.
    public static var bool: Schema<Bool> { .plain("true or false") { Bool($0) } }
}

extension Schema where Value: FixedWidthInteger & Sendable {
    /// A whole number in decimal digits; `_` may part them, as in `10_000`.
    public static func integer(in range: ClosedRange<Value> = .min ... .max) -> Schema<Value> {
        .plain("a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            guard let digits = Number.digits(text), let number = Value(digits), range.contains(number) else {
                return nil
            }
            return number
        }
    }
}

extension Schema where Value == Double {
    /// A number such as `1.25`, without an exponent.
    public static func decimal(in range: ClosedRange<Double>) -> Schema<Double> {
        .plain("a number from \(range.lowerBound) to \(range.upperBound)") { text in
            guard let parts = Number.decimal(text), let number = Double(parts), range.contains(number) else {
                return nil
            }
            return number
        }
    }
}

extension Schema {
    /// A scalar without quotes: `"5"` is a text and no number.
    static func plain(_ expected: String, parse: @escaping @Sendable (String) -> Value?) -> Schema<Value> {
        Schema(expected: expected) { node, issues in
            if case .scalar(let text, isPlain: true) = node.content, let value = parse(text) { return value }
            issues.add("found \(node.found), expected \(expected)", at: node)
            return nil
        }
    }
}

enum Number {
    /// The text without its `_`; nil unless it is a whole number of at most 20 digits, maybe with a minus sign.
    static func digits(_ text: String) -> String? {
        let body = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        guard (1...26).contains(body.count), body.first != UInt8(ascii: "_"), body.last != UInt8(ascii: "_"),
            body.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") })
        else { return nil }
        return text.filter { $0 != "_" }
    }

    /// The text itself, if it is digits, maybe with a minus sign before and a fraction behind them.
    static func decimal(_ text: String) -> String? {
        let body = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        let parts = body.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), body.count <= 24,
            parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (0x30...0x39).contains($0) } })
        else { return nil }
        return text
    }
}
