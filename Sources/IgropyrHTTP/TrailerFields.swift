/// Fields that follow a body (RFC 9110 §6.5), as lines; what may not stand there is left out.
///
/// A recipient may drop them all, and a client of HTTP/1.0 or a body of known length has no place for them: they are
/// for what is good to know, such as checksums and timings, not for what the message needs.
public struct TrailerFields: Sendable {
    private(set) var lines = HTTPSerializer()

    public init() {}

    public var isEmpty: Bool { lines.count == 0 }

    /// The lines, each with its CR LF: read them with ``FieldIterator``.
    public var bytes: [UInt8] { lines.bytes }

    /// Adds a field, unless framing, routing or the meaning of the head rests on it (RFC 9110 §6.5.1).
    /// - Throws: what would let the field break out of its line.
    public mutating func append(name: RawSpan, value: RawSpan) throws(HTTPSerializer.Failure) {
        guard !name.isForbiddenTrailer(0..<name.byteCount) else { return }
        try lines.appendField(name: name, value: value)
    }

    /// The same from text; `value` goes out as UTF-8.
    public mutating func append(_ name: String, _ value: String) throws(HTTPSerializer.Failure) {
        let (name, value) = (name.utf8.span, value.utf8.span)
        try unsafe append(name: name.bytes, value: value.bytes)
    }
}

extension RawSpan {
    /// Fields on which framing, routing or the meaning of the head rests (RFC 9110 §6.5.1).
    func isForbiddenTrailer(_ name: Range<Int>) -> Bool {
        switch name.count {
        case 2: equals("te", in: name)
        case 4: equals("host", in: name)
        case 5: equals("range", in: name)
        case 6: equals("cookie", in: name) || equals("expect", in: name)
        case 7: equals("trailer", in: name) || equals("upgrade", in: name)
        case 10: equals("connection", in: name) || equals("set-cookie", in: name) || equals("keep-alive", in: name)
        case 12: equals("content-type", in: name) || equals("max-forwards", in: name)
        case 13:
            equals("authorization", in: name) || equals("cache-control", in: name)
                || equals("content-range", in: name)
        case 14: equals("content-length", in: name)
        case 16: equals("content-encoding", in: name)
        case 17: equals("transfer-encoding", in: name)
        case 19: equals("proxy-authorization", in: name)
        default: false
        }
    }
}
