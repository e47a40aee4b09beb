/// The fields of a head or of trailers that go out by HTTP/2, as a header compressor takes them: names in lower case,
/// pseudo-fields first (RFC 9113 §8.3).
///
/// What would not mean on the wire what it meant to its author is refused by an error, as by ``HTTPSerializer``; fields
/// of HTTP/1.1's connections, which HTTP/2 has no use for (RFC 9113 §8.2.2), are left out.
public struct HTTP2FieldBlock: Sendable {
    /// Where a field's parts are in ``bytes``.
    @frozen public struct Field: Sendable {
        @usableFromInline let nameRange: ByteRange
        @usableFromInline let valueRange: ByteRange

        @inlinable public var name: Range<Int> { nameRange.range }
        @inlinable public var value: Range<Int> { valueRange.range }
    }

    public private(set) var bytes: [UInt8] = []
    public private(set) var fields: [Field] = []

    public init() {}

    /// The fields after a body, in place of a head.
    public init(_ trailers: TrailerFields) throws(HTTPSerializer.Failure) {
        let lines = trailers.bytes.span
        var iterator = FieldIterator(0..<lines.count)
        while let (name, value) = unsafe iterator.next(in: lines.bytes) {
            try unsafe appendField(name: lines.bytes.extracting(name), value: lines.bytes.extracting(value))
        }
    }

    /// Forgets the last head; keeps small buffers for the next one.
    /// - Throws: `.invalidStatus`.
    public mutating func begin(status: Int) throws(HTTPSerializer.Failure) {
        guard 100...999 ~= status else { throw .invalidStatus }
        removeAll()
        append(":status") { $0.append(decimal: UInt64(status)) }
    }

    /// Takes over the head of a request as ``HTTPSerializer`` has written it, in origin form;
    /// `Host` becomes `:authority`. Forgets the last head.
    /// - Throws: `.invalidMethod`, `.invalidTarget` for something else.
    public mutating func begin(request: RawSpan, isEncrypted: Bool) throws(HTTPSerializer.Failure) {
        removeAll()
        let end = request.byteCount
        guard let methodEnd = request.firstOffset(of: .space, from: 0, to: end) else { throw .invalidMethod }
        guard let targetEnd = request.firstOffset(of: .space, from: methodEnd + 1, to: end),
            let lineEnd = request.firstOffset(of: .carriageReturn, from: targetEnd + 1, to: end)
        else { throw .invalidTarget }
        append(":method", request.extracting(0..<methodEnd))
        append(":scheme") { $0 += isEncrypted ? Array("https".utf8) : Array("http".utf8) }
        append(":path", request.extracting((methodEnd + 1)..<targetEnd))
        let lines = FieldIterator((lineEnd + 2)..<max(lineEnd + 2, end))
        var search = lines
        while let (name, value) = search.next(in: request) {
            guard request.equals("host", in: name) else { continue }
            append(":authority", request.extracting(value))
            break
        }
        var fields = lines
        while let (name, value) = fields.next(in: request) {
            if request.equals("host", in: name) { continue }
            try appendField(name: request.extracting(name), value: request.extracting(value))
        }
    }

    private mutating func removeAll() {
        if bytes.capacity > 4096 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
        fields.removeAll(keepingCapacity: true)
    }

    public mutating func appendField(_ name: String, _ value: String) throws(HTTPSerializer.Failure) {
        let (name, value) = (name.utf8.span, value.utf8.span)
        try unsafe appendField(name: name.bytes, value: value.bytes)
    }

    public mutating func appendField(name: RawSpan, value: RawSpan) throws(HTTPSerializer.Failure) {
        guard name.isToken else { throw .invalidFieldName }
        guard value.isFieldValue else { throw .invalidFieldValue }
        guard !name.isConnectionSpecific else { return }
        let start = bytes.count
        name.append(first: name.byteCount, to: &bytes)
        for offset in start..<bytes.count { bytes[offset] = bytes[offset].lowercased }
        append(named: start) { value.append(first: value.byteCount, to: &$0) }
    }

    public mutating func appendDate(_ date: HTTPDate) { append("date") { date.append(to: &$0) } }

    public mutating func appendContentLength(_ length: UInt64) {
        append("content-length") { $0.append(decimal: length) }
    }

    private mutating func append(_ name: StaticString, _ value: RawSpan) {
        append(name) { value.append(first: value.byteCount, to: &$0) }
    }

    private mutating func append(_ name: StaticString, _ writeValue: (inout [UInt8]) -> Void) {
        let start = bytes.count
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        append(named: start, writeValue)
    }

    /// The name stands in `bytes` from `start` on.
    private mutating func append(named start: Int, _ writeValue: (inout [UInt8]) -> Void) {
        let end = bytes.count
        writeValue(&bytes)
        fields.append(Field(nameRange: ByteRange(start, end), valueRange: ByteRange(end, bytes.count)))
    }
}

extension RawSpan {
    /// Whether this is the name of a field that means something to HTTP/1.1's connections only (RFC 9113 §8.2.2).
    var isConnectionSpecific: Bool {
        let all = 0..<byteCount
        return switch byteCount {
        case 7: equals("upgrade", in: all)
        case 10: equals("connection", in: all) || equals("keep-alive", in: all)
        case 16: equals("proxy-connection", in: all)
        case 17: equals("transfer-encoding", in: all)
        default: false
        }
    }
}
