import IgropyrPatterns

/// Which members a query is for.
///
/// The reference takes any RE2 expression for a tag; we, what `Pattern` reads. A member whose filter holds anything
/// else stays silent, as it does for a broken expression.
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
                return Pattern(expression)?.matches(tags[tag] ?? "") ?? false
            default: return false
            }
        } catch {
            return false
        }
    }
}
