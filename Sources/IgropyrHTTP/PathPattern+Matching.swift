extension PathPattern {
    /// Whether `path`, as it stands in a request's target (escaped, without the query), is one of those that are meant.
    /// A path with a broken escape or a dot segment never is; see ``PathSegments``. Takes time in proportion to the
    /// path, and allocates nothing.
    public func matches(_ path: String) -> Bool {
        let bytes = unsafe path.utf8Span.span.bytes
        return matches(0..<bytes.byteCount, in: bytes)
    }

    /// The same for a path of a request's bytes: ``MessageHead/path``.
    public func matches(_ path: Range<Int>, in bytes: RawSpan) -> Bool {
        guard path.isEmpty || bytes.byte(at: path.lowerBound) == UInt8(ascii: "/") else { return false }
        do throws(HTTPError) {
            try PathSegments.validate(path, in: bytes)
        } catch {
            return false
        }
        var rest = PathSegments(path)
        for index in segments.indices {
            if case .catchAll = segments[index] { return true }
            guard let part = rest.next(in: bytes), segments[index].matches(part, in: bytes) else { return false }
        }
        return rest.remainder == nil
    }
}

extension PathPattern.Segment {
    fileprivate func matches(_ part: Range<Int>, in bytes: RawSpan) -> Bool {
        switch self {
        case .literal(let text): bytes.rest(of: part, after: text)?.isEmpty ?? false
        case .affixed(let prefix, let suffix): bytes.middle(of: part, between: prefix, suffix) != nil
        case .parameter, .wildcard: !part.isEmpty
        case .catchAll: true
        }
    }
}

/// What stands in a segment of a path beside a text, once decoded. The path's escapes were checked
/// (``PathSegments/validate(_:in:)``).
extension RawSpan {
    /// What is left between two texts; nil if `segment` does not begin and end with them, or nothing is.
    func middle(of segment: Range<Int>, between prefix: [UInt8], _ suffix: [UInt8]) -> Range<Int>? {
        guard let rest = rest(of: segment, after: prefix) else { return nil }
        let start = rest.lowerBound
        var end = rest.upperBound
        for expected in suffix.reversed() {
            guard start < end else { return nil }
            // A `%` only ever begins an escape, so this one is whole.
            let isEscaped = end - 3 >= start && byte(at: end - 3) == UInt8(ascii: "%")
            end -= isEscaped ? 3 : 1
            guard value(at: end, isEscaped: isEscaped) == expected else { return nil }
        }
        return start < end ? start..<end : nil
    }

    /// What is left behind a text, maybe nothing; nil if `segment` does not begin with it.
    func rest(of segment: Range<Int>, after prefix: [UInt8]) -> Range<Int>? {
        var start = segment.lowerBound
        for expected in prefix {
            guard start < segment.upperBound else { return nil }
            let isEscaped = byte(at: start) == UInt8(ascii: "%")
            guard value(at: start, isEscaped: isEscaped) == expected else { return nil }
            start += isEscaped ? 3 : 1
        }
        return start..<segment.upperBound
    }

    private func value(at offset: Int, isEscaped: Bool) -> UInt8? {
        guard isEscaped else { return byte(at: offset) }
        guard let high = byte(at: offset + 1).hexadecimalValue, let low = byte(at: offset + 2).hexadecimalValue else {
            return nil
        }
        return high << 4 | low
    }
}
