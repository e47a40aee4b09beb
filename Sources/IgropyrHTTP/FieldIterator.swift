/// Goes through field lines that a parser has checked: ``MessageHead/fields``, or the range of an
/// ``HTTPParser/Event/trailers(_:consumed:)``.
public struct FieldIterator: Sendable {
    private var position: Int
    private let end: Int

    public init(_ region: Range<Int>) {
        position = region.lowerBound
        end = region.upperBound
    }

    /// The next field: its name, and its value without the white space around it. `bytes` are those that the region
    /// counts from; others give a wrong answer, never a trap.
    public mutating func next(in bytes: RawSpan) -> (name: Range<Int>, value: Range<Int>)? {
        guard let (name, value) = nextLine(in: bytes) else { return nil }
        return (name, bytes.trimmed(value))
    }

    /// The same with the white space around the value.
    @inline(__always) private mutating func nextLine(in bytes: RawSpan) -> (name: Range<Int>, value: Range<Int>)? {
        let end = min(end, bytes.byteCount)
        guard position < end, let colon = bytes.firstOffset(of: UInt8(ascii: ":"), from: position, to: end),
            let lineEnd = bytes.firstOffset(of: .carriageReturn, from: colon + 1, to: end)
        else { return nil }
        let name = position..<colon
        position = lineEnd + 2
        return (name, (colon + 1)..<lineEnd)
    }

    /// The next lines that a proxy passes on, as many in one piece as stand next to each other; nil when none is left.
    /// Asks `keeps` once for each field; the value has the white space around it.
    @inline(__always) public mutating func nextLines(
        in bytes: RawSpan, keeping keeps: (_ name: Range<Int>, _ value: Range<Int>) -> Bool
    ) -> Range<Int>? {
        var start = position
        while true {
            let end = position
            if let (name, value) = nextLine(in: bytes), keeps(name, value) { continue }
            if start < end { return start..<end }
            guard position > end else { return nil }
            start = position
        }
    }
}

extension RawSpan {
    /// Whether the bytes of `range` are those of `text`, the case of ASCII letters aside: how field names compare.
    /// Traps when `range` is out of bounds.
    public func matches(_ text: String, in range: Range<Int>) -> Bool {
        let text = text.utf8.span
        let expected = unsafe text.bytes
        return expected.byteCount == range.count && matches(expected, at: range.lowerBound)
    }

    /// Whether two ranges hold the same name, the case of ASCII letters aside. Traps when one is out of bounds and as
    /// long as the other.
    package func isSameName(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        left.count == right.count && matches(extracting(right), at: left.lowerBound)
    }
}

extension MessageHead {
    /// Calls `body` with each field's name and value, in the order of the message. `bytes` are the head's.
    @inlinable public func forEachField<Failure: Error>(
        in bytes: RawSpan, _ body: (_ name: Range<Int>, _ value: Range<Int>) throws(Failure) -> Void
    ) throws(Failure) {
        var iterator = FieldIterator(fields)
        while let field = iterator.next(in: bytes) { try body(field.name, field.value) }
    }

    /// The value of the first field called `name`, in whatever case; nil if there is none.
    public func value(of name: String, in bytes: RawSpan) -> Range<Int>? {
        var iterator = FieldIterator(fields)
        while let field = iterator.next(in: bytes) {
            if bytes.matches(name, in: field.name) { return field.value }
        }
        return nil
    }

    /// Calls `body` with each option in the `Connection` fields, `close` and the like among them: a proxy drops the
    /// fields of these names (RFC 9110 §7.6.1). Worth the search only if ``hasConnectionFields``.
    public func forEachConnectionOption(in bytes: RawSpan, _ body: (Range<Int>) -> Void) {
        var iterator = FieldIterator(fields)
        while let field = iterator.next(in: bytes) {
            guard bytes.equals("connection", in: field.name) else { continue }
            var list = ListIterator(field.value)
            while let option = list.next(in: bytes) {
                if !option.isEmpty { body(option) }
            }
        }
    }
}
