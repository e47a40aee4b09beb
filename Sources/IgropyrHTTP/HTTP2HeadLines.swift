/// The field lines of a head that comes by HTTP/2, as HTTP/1.1 would have them.
struct HTTP2HeadLines: Sendable {
    private(set) var bytes: [UInt8] = []
    /// Notes what fields mean to HTTP itself; its head is the one that is made.
    var parser: HeadParser
    private let isResponse: Bool

    init(isResponse: Bool) {
        self.isResponse = isResponse
        parser = HeadParser(isResponse: isResponse)
        parser.head.version = .http2
    }

    /// Keeps a small buffer.
    mutating func removeAll() {
        if bytes.capacity > 4096 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
        parser = HeadParser(isResponse: isResponse)
        parser.head.version = .http2
    }

    /// Adds a field whose value was checked, unless HTTP/2 has no place for it (RFC 9113 §8.2).
    mutating func appendField(_ name: RawSpan, _ value: RawSpan) throws(HTTPError) {
        try Self.check(name, value)
        try appendLine(name, value)
    }

    static func check(_ name: RawSpan, _ value: RawSpan) throws(HTTPError) {
        guard name.isLowercaseToken else { throw .invalidFieldName }
        guard !name.isConnectionSpecific else { throw .connectionSpecificField }
        if name.equals("te", in: 0..<name.byteCount), !value.equals("trailers", in: 0..<value.byteCount) {
            throw .connectionSpecificField
        }
    }

    mutating func appendLine(_ name: RawSpan, _ value: RawSpan) throws(HTTPError) {
        let name = append(name).range
        append(": ")
        try endLine(name: name, value: append(value).range)
    }

    mutating func endLine(name: Range<Int>, value: Range<Int>) throws(HTTPError) {
        append("\r\n")
        parser.head.fieldLines += 1
        let text = bytes  // Released by the end of this call: appending must not copy.
        try unsafe parser.record(name, value, in: text.span.bytes)
    }

    /// The empty line behind all of them.
    mutating func end() {
        parser.head.fieldsRange.end = UInt32(truncatingIfNeeded: bytes.count)
        append("\r\n")
    }

    // MARK: Bytes

    mutating func append(_ data: RawSpan) -> ByteRange {
        let start = bytes.count
        data.append(first: data.byteCount, to: &bytes)
        return ByteRange(start, bytes.count)
    }

    mutating func append(_ literal: StaticString) {
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    mutating func append(_ other: [UInt8]) { bytes += other }

    /// Once more what is there already.
    mutating func append(_ range: Range<Int>) {
        for offset in range { bytes.append(bytes[offset]) }
    }
}

extension RawSpan {
    /// A field's name as HTTP/2 allows it (RFC 9113 §8.2.1).
    fileprivate var isLowercaseToken: Bool {
        for offset in 0..<byteCount {
            let byte = byte(at: offset)
            guard byte.isToken, byte == byte.lowercased else { return false }
        }
        return !isEmpty
    }
}
