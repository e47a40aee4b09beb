/// Goes through a comma-separated list (RFC 9110 §5.6.1), in which no element is quoted. Elements come without the
/// white space around them and may be empty; a value without commas is one element.
struct ListIterator {
    private var rest: Range<Int>?

    init(_ value: Range<Int>) { rest = value }

    mutating func next(in bytes: RawSpan) -> Range<Int>? {
        guard let rest else { return nil }
        let comma = bytes.firstOffset(of: UInt8(ascii: ","), from: rest.lowerBound, to: rest.upperBound)
        self.rest = comma.map { ($0 + 1)..<rest.upperBound }
        return bytes.trimmed(rest.lowerBound..<(comma ?? rest.upperBound))
    }
}
