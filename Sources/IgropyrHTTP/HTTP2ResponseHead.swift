/// Makes one head of the fields of an HTTP/2 response, as they come out of the header compression (RFC 9113 §8.3.2).
///
/// The head looks as HTTP/1.1's do: its fields are `name: value` lines in ``bytes``. Call ``begin()``,
/// ``append(name:value:)`` for each field, then ``finish(answering:endsStream:)``. After an error the rest is ignored.
public struct HTTP2ResponseHead: Sendable {
    /// What a head's ranges count from; good until the next ``begin()``.
    public var bytes: [UInt8] { lines.bytes }
    /// Bytes of all names and values so far, ignored ones too.
    public private(set) var fieldBytes = 0
    private let limits: ParserLimits
    private var lines = HTTP2HeadLines(isResponse: true)
    private var error: HTTPError?

    public init(limits: HTTPLimits = HTTPLimits()) { self.limits = ParserLimits(limits) }

    /// Forgets the last head; keeps a small buffer for the next one.
    public mutating func begin() {
        lines.removeAll()
        fieldBytes = 0
        error = nil
    }

    /// Takes the next field.
    public mutating func append(name: RawSpan, value: RawSpan) {
        fieldBytes += name.byteCount + value.byteCount
        guard error == nil else { return }
        do throws(HTTPError) {
            guard lines.bytes.count + name.byteCount + value.byteCount + 4 <= limits.headBytes else {
                throw .headTooLong
            }
            guard value.isFieldValue else { throw .controlCharacter }
            if !name.isEmpty, name.byte(at: 0) == UInt8(ascii: ":") {
                try takeStatus(name, value)
            } else {
                guard lines.parser.head.statusCode != 0 else { throw .invalidPseudoField }
                guard lines.parser.head.fieldCount < limits.fields else { throw .tooManyFields }
                try lines.appendField(name, value)
            }
        } catch { self.error = error }
    }

    /// `:status` is the only pseudo-field, and stands first, once.
    private mutating func takeStatus(_ name: RawSpan, _ value: RawSpan) throws(HTTPError) {
        guard name.equals(":status", in: 0..<name.byteCount), lines.parser.head.statusCode == 0, value.byteCount == 3
        else { throw .invalidPseudoField }
        var status: UInt16 = 0
        for offset in 0..<3 {
            guard value.byte(at: offset).isDigit else { throw .invalidPseudoField }
            status = status * 10 + UInt16(value.byte(at: offset) & 0x0F)
        }
        guard status >= 100, status != 101 else { throw .invalidPseudoField }  // No upgrades here (RFC 9113 §8.6).
        lines.parser.head.statusCode = status
    }

    /// Judges the head as a whole. `method` is that of the request; `endsStream`: whether nothing follows.
    public mutating func finish(answering method: HTTPMethod, endsStream: Bool) throws(HTTPError) -> MessageHead {
        if let error { throw error }
        guard lines.parser.head.statusCode != 0 else { throw .invalidPseudoField }
        lines.end()
        var head = lines.parser.head
        guard !(head.isInterim && endsStream) else { throw .truncated }
        if head.isInterim || method == .head || head.status == 204 || head.status == 304 || endsStream {
            head.framing = .none
        } else {
            head.framing = head.contentLength.map { .length($0) } ?? .chunked
        }
        return head
    }
}
