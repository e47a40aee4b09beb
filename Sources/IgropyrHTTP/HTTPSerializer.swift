/// Writes heads, chunks and bodies into one buffer that keeps its capacity; several pipelined messages may gather in
/// it.
///
/// A head is begun by `beginRequest` or `beginResponse`, gets its fields, and is ended by ``endHead()``. What would let
/// a field break out of its line is refused by an error, and the caller takes back what it wrote of the message with
/// ``truncate(to:)``. Framing is the caller's word: it writes `Content-Length` or `Transfer-Encoding` itself, by
/// ``appendFraming(_:)``.
public struct HTTPSerializer: Sendable {
    /// A part of a message that would not mean on the wire what it meant to its author.
    public enum Failure: UInt8, Error, Hashable, Sendable {
        /// Empty, or no token.
        case invalidFieldName
        /// CR, LF, NUL or another control character but the tab; or white space at either end, which would get lost.
        case invalidFieldValue
        case invalidMethod
        /// Empty, or not all visible ASCII without `#`.
        case invalidTarget
        /// Below 100 or above 999.
        case invalidStatus
    }

    /// What was written and not yet taken.
    public private(set) var bytes: [UInt8] = []

    public init(capacity: Int = 0) {
        // An empty array that reserves no more than it has allocates all the same.
        if capacity > 0 { bytes.reserveCapacity(capacity) }
    }

    /// How much is in the buffer; note it before a message to be able to ``truncate(to:)``.
    @inlinable public var count: Int { bytes.count }

    /// Whether it has a buffer, be it an empty one.
    @inlinable public var hasMemory: Bool { bytes.capacity > 0 }

    /// Forgets everything and keeps the memory.
    public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    /// Takes back everything after the first `count` bytes.
    public mutating func truncate(to count: Int) {
        guard count < bytes.count else { return }
        bytes.removeSubrange(count...)
    }

    // MARK: - Start lines

    /// `HTTP/1.1 status reason`; 1.1 also towards a client of 1.0 (RFC 9110 §2.5).
    public mutating func beginResponse(status: Int) throws(Failure) {
        if let line = StatusLine.registered(status) { return append(line) }
        guard 100...999 ~= status else { throw .invalidStatus }
        append("HTTP/1.1 ")
        append(decimal: UInt64(status))
        append(" \r\n")
    }

    /// The request line of a method that ``HTTPMethod`` knows.
    public mutating func beginRequest(_ method: HTTPMethod, target: String) throws(Failure) {
        guard let name = method.name else { throw .invalidMethod }
        let target = target.utf8.span
        guard unsafe target.bytes.isTarget else { throw .invalidTarget }
        append(name)
        bytes.append(.space)
        unsafe append(target.bytes)
        append(" HTTP/1.1\r\n")
    }

    /// The request line from bytes that a parser has checked, as a proxy has them.
    public mutating func beginRequest(checkedMethod method: RawSpan, target: RawSpan) {
        let end: StaticString = " HTTP/1.1\r\n"
        bytes.append(addingCapacity: method.byteCount + 1 + target.byteCount + end.utf8CodeUnitCount) { output in
            output.append(method)
            output.append(.space)
            output.append(target)
            output.append(end)
        }
    }

    // MARK: - Fields

    /// A field from text; `value` goes out as UTF-8.
    public mutating func appendField(_ name: String, _ value: String) throws(Failure) {
        let (name, value) = (name.utf8.span, value.utf8.span)
        try unsafe appendField(name: name.bytes, value: value.bytes)
    }

    /// A field whose name stands in the program, and whose value a parser has checked or the program has made of
    /// visible ASCII.
    public mutating func appendField(_ name: StaticString, checked value: RawSpan) {
        bytes.append(addingCapacity: name.utf8CodeUnitCount + value.byteCount + 4) { output in
            output.append(name)
            output.appendColon()
            output.append(value)
            output.appendLineEnd()
        }
    }

    /// A field from bytes, as a proxy has them.
    public mutating func appendField(name: RawSpan, value: RawSpan) throws(Failure) {
        guard name.isToken else { throw .invalidFieldName }
        guard value.isFieldValue else { throw .invalidFieldValue }
        bytes.append(addingCapacity: name.byteCount + value.byteCount + 4) { output in
            output.append(name)
            output.appendColon()
            output.append(value)
            output.appendLineEnd()
        }
    }

    /// Field lines that a parser has checked, or that stand in the program, each with its CR LF, as they are.
    public mutating func appendLines(_ lines: RawSpan) { append(lines) }

    /// Fields that another one has written, as they are.
    public mutating func appendFields(of other: HTTPSerializer) { unsafe append(other.bytes.span.bytes) }

    /// A field with a number as its value, written without a string on the way.
    public mutating func appendField(_ name: StaticString, _ value: UInt64) {
        bytes.append(addingCapacity: name.utf8CodeUnitCount + 24) { output in
            output.append(name)
            output.appendColon()
            output.append(decimal: value)
            output.appendLineEnd()
        }
    }

    /// `Date` for a time that ``HTTPDate`` can write.
    public mutating func appendDate(_ date: HTTPDate) {
        append("Date: ")
        date.append(to: &bytes)
        append("\r\n")
    }

    /// The field that tells the framing; none for `.none` and `.untilClose`.
    public mutating func appendFraming(_ framing: MessageHead.Framing) {
        switch framing {
        case .none, .untilClose: break
        case .length(let length): appendField("Content-Length", length)
        case .chunked: append("Transfer-Encoding: chunked\r\n")
        }
    }

    /// The empty line after fields, or after trailers.
    public mutating func endHead() { append("\r\n") }

    // MARK: - Bodies

    /// Bytes of a body of known length.
    public mutating func appendBody(_ data: RawSpan) { append(data) }

    /// One chunk with its framing. No data, no chunk: an empty one would end the body.
    public mutating func appendChunk(_ data: RawSpan) {
        guard !data.isEmpty else { return }
        append(hexadecimal: UInt64(data.byteCount))
        append("\r\n")
        append(data)
        append("\r\n")
    }

    /// The last chunk, and the trailers if there are any.
    public mutating func endChunks(_ trailers: TrailerFields = TrailerFields()) {
        append("0\r\n")
        appendFields(of: trailers.lines)
        endHead()
    }

    // MARK: - Bytes

    private mutating func append(_ literal: StaticString) {
        unsafe bytes.append(
            contentsOf: UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    private mutating func append(_ data: RawSpan) {
        unsafe data.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    private mutating func append(decimal value: UInt64) { bytes.append(decimal: value) }

    private mutating func append(hexadecimal value: UInt64) {
        var shift = max(0, (63 - value.leadingZeroBitCount) & ~3)
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 0x0F
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            shift -= 4
        }
    }
}
