/// Which members a query is for.
///
/// The reference takes any RE2 expression for a tag. We evaluate literals with an optional `^` and `$`, and `.*`; a member whose
/// filter holds anything else stays silent, as it does for a broken expression.
enum QueryFilter {
    /// A filter as it travels: everybody in the list.
    static func encode(names: [String]) -> [UInt8] {
        var writer = MessagePackWriter(messageType: 0)
        writer.writeArrayHeader(names.count)
        for name in names { writer.write(name) }
        return writer.bytes
    }

    /// A filter as it travels: members whose tag matches `expression` (RE2).
    static func encode(tag: String, expression: String) -> [UInt8] {
        var writer = MessagePackWriter(messageType: 1)
        writer.writeMapHeader(2)
        writer.field("Expr", expression)
        writer.field("Tag", tag)
        return writer.bytes
    }

    /// False for a filter that cannot be read, too.
    static func matches(_ filter: [UInt8], name: String, tags: [String: String]) -> Bool {
        do throws(WireError) {
            var reader = MessagePackReader(filter, from: 1)
            switch filter.first {
            case 0:
                for _ in 0..<(try reader.readArrayHeader()) where try reader.readText() == name { return true }
                return false
            case 1:
                var tag = ""
                var expression = ""
                try reader.readRecord(["Tag", "Expr"]) { (field, reader) throws(WireError) in
                    if field == 0 { tag = try reader.readText() } else { expression = try reader.readText() }
                }
                return matches(expression, tags[tag] ?? "")
            default: return false
            }
        } catch {
            return false
        }
    }

    private static func matches(_ expression: String, _ value: String) -> Bool {
        var literal = Array(expression.utf8)
        let isAtStart = literal.first == UInt8(ascii: "^")
        if isAtStart { literal.removeFirst() }
        let isAtEnd = literal.last == UInt8(ascii: "$")
        if isAtEnd { literal.removeLast() }
        if literal == Array(".*".utf8) || literal == Array(".+".utf8) && !value.isEmpty { return true }
        guard !literal.contains(where: { #"\.+*?()|[]{}^$"#.utf8.contains($0) }) else { return false }
        let text = Array(value.utf8)
        switch (isAtStart, isAtEnd) {
        case (true, true): return text == literal
        case (true, false): return text.starts(with: literal)
        case (false, true): return text.reversed().starts(with: literal.reversed())
        case (false, false): return text.indices.contains { text[$0...].starts(with: literal) } || literal.isEmpty
        }
    }
}
