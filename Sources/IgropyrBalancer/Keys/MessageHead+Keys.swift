import IgropyrHTTP

extension MessageHead {
    /// The value of the first cookie of that name.
    func cookie(_ name: String, in bytes: RawSpan) -> Range<Int>? {
        var fields = FieldIterator(self.fields)
        while let field = fields.next(in: bytes) {
            guard field.name.count == 6, bytes.matches("cookie", in: field.name) else { continue }
            if let value = bytes.value(of: name, in: field.value, between: UInt8(ascii: ";")) { return value }
        }
        return nil
    }

    /// The first value of that name in the query, as it was sent.
    func parameter(_ name: String, in bytes: RawSpan) -> Range<Int>? {
        query.flatMap { bytes.value(of: name, in: $0, between: UInt8(ascii: "&")) }
    }
}

extension RawSpan {
    /// The value of the first `name=value` of a list; spaces before a name are passed over.
    fileprivate func value(of name: String, in list: Range<Int>, between separator: UInt8) -> Range<Int>? {
        let text = Span<UInt8>(_bytes: self)
        var start = list.lowerBound
        while start < list.upperBound {
            let end = text.first(separator, in: start..<list.upperBound) ?? list.upperBound
            if let value = Self.value(of: name, in: start..<end, text) { return value }
            start = end + 1
        }
        return nil
    }

    private static func value(of name: String, in pair: Range<Int>, _ text: Span<UInt8>) -> Range<Int>? {
        var offset = pair.lowerBound
        while offset < pair.upperBound, text[offset] == UInt8(ascii: " ") { offset += 1 }
        for byte in name.utf8 {
            guard offset < pair.upperBound, text[offset] == byte else { return nil }
            offset += 1
        }
        guard offset < pair.upperBound, text[offset] == UInt8(ascii: "=") else { return nil }
        return offset + 1..<pair.upperBound
    }
}

extension Span<UInt8> {
    fileprivate func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
        for offset in range where self[offset] == byte { return offset }
        return nil
    }
}
