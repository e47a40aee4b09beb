internal import IgropyrHTTP

/// Variables as FastCGI has them (FastCGI 1.0 §3.4). There has to be room for each.
extension OutputSpan<UInt8> {
    mutating func append(_ name: StaticString, _ value: String) {
        let value = value.utf8.span
        append(name, count: value.count)
        unsafe append(value.bytes)
    }

    /// The value is the texts, one behind the other.
    mutating func append(_ name: StaticString, _ first: String, _ second: String, _ third: String = "") {
        append(name, count: first.utf8.count + second.utf8.count + third.utf8.count)
        append(text: first)
        append(text: second)
        append(text: third)
    }

    mutating func append(_ name: StaticString, _ number: UInt64) {
        var (count, rest) = (1, number / 10)
        while rest > 0 { (count, rest) = (count + 1, rest / 10) }
        append(name, count: count)
        append(decimal: number)
    }

    /// A value of so many bytes is to follow.
    private mutating func append(_ name: StaticString, count: Int) {
        append(lengthsOfVariable: name.utf8CodeUnitCount, count)
        append(name)
    }

    /// A name and a value of so many bytes are to follow.
    mutating func append(lengthsOfVariable nameCount: Int, _ valueCount: Int) {
        append(length: nameCount)
        append(length: valueCount)
    }

    /// One byte up to 127, else four.
    @inline(__always) private mutating func append(length: Int) {
        guard length > 127 else { return append(UInt8(length)) }
        append(UInt8(truncatingIfNeeded: length >> 24) | 0x80)
        append(UInt8(truncatingIfNeeded: length >> 16))
        append(UInt8(truncatingIfNeeded: length >> 8))
        append(UInt8(truncatingIfNeeded: length))
    }

    mutating func append(text: String) {
        let text = text.utf8.span
        unsafe append(text.bytes)
    }
}
