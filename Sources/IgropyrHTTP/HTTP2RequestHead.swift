/// Makes one head of the fields of an HTTP/2 request, as they come out of the header compression (RFC 9113 §8.2, §8.3).
///
/// The head looks as HTTP/1.1's do: ``bytes`` hold the values of the pseudo-fields, then `name: value` lines, the
/// first of which is `host`. So whoever reads a ``MessageHead`` need not know of which version the message was. Call
/// ``begin()``, ``append(name:value:)`` for each field, then ``finish(endsStream:)``.
///
/// After an error the rest is ignored; the request is malformed or too large, the connection can go on.
public struct HTTP2RequestHead: Sendable {
    /// What a head's ranges count from; good until the next ``begin()``.
    public private(set) var bytes: [UInt8] = []
    /// Bytes of all names and values so far, ignored ones too.
    public private(set) var fieldBytes = 0
    private let limits: ParserLimits
    private let allowsExtendedConnect: Bool
    private var parser = HeadParser(isResponse: false)
    private var error: HTTPError?
    private var scheme = ByteRange.absent
    private var path = ByteRange.absent
    private var authority = ByteRange.absent
    private var isPastPseudoFields = false
    /// The crumbs of `cookie`, joined (RFC 9113 §8.2.3).
    private var cookie: [UInt8] = []

    /// `other` until it is known.
    public var method: HTTPMethod { parser.head.method }

    /// `allowsExtendedConnect`: whether CONNECT may name a protocol (RFC 8441), ``MessageHead/upgrade`` then.
    public init(limits: HTTPLimits = HTTPLimits(), allowsExtendedConnect: Bool = false) {
        self.limits = ParserLimits(limits)
        self.allowsExtendedConnect = allowsExtendedConnect
    }

    /// Forgets the last head; keeps a small buffer for the next one.
    public mutating func begin() {
        if bytes.capacity > 4096 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
        if !cookie.isEmpty { cookie = [] }
        fieldBytes = 0
        parser = HeadParser(isResponse: false)
        error = nil
        (scheme, path, authority) = (.absent, .absent, .absent)
        isPastPseudoFields = false
    }

    /// Takes the next field.
    public mutating func append(name: RawSpan, value: RawSpan) {
        fieldBytes += name.byteCount + value.byteCount
        guard error == nil else { return }
        do throws(HTTPError) {
            guard bytes.count + cookie.count + name.byteCount + value.byteCount + 4 <= limits.headBytes else {
                throw .headTooLong
            }
            guard value.isFieldValue else { throw .controlCharacter }
            if !name.isEmpty, name.byte(at: 0) == UInt8(ascii: ":") {
                try appendPseudoField(name, value)
            } else {
                try appendField(name, value)
            }
        } catch { self.error = error }
    }

    /// Judges the head as a whole. `endsStream`: whether the request has no body.
    public mutating func finish(endsStream: Bool) throws(HTTPError) -> MessageHead {
        if let error { throw error }
        try endPseudoFields()
        if !cookie.isEmpty {
            append("cookie: ")
            bytes += cookie
            append("\r\n")
        }
        guard parser.head.host != nil else { throw .missingHost }
        parser.head.fieldsRange.end = UInt32(truncatingIfNeeded: bytes.count)
        append("\r\n")
        if let length = parser.head.contentLength {
            guard !endsStream || length == 0 else { throw .invalidContentLength }
            parser.head.framing = .length(length)
        } else {
            parser.head.framing = endsStream ? .none : .chunked
        }
        return parser.head
    }

    // MARK: Pseudo-fields

    private mutating func appendPseudoField(_ name: RawSpan, _ value: RawSpan) throws(HTTPError) {
        guard !isPastPseudoFields, !value.isEmpty else { throw .invalidPseudoField }
        let all = 0..<name.byteCount
        if name.equals(":method", in: all) {
            guard parser.head.methodRange == .absent else { throw .invalidPseudoField }
            guard value.byteCount <= HeadParser.maximumMethodBytes else { throw .methodTooLong }
            guard value.isToken else { throw .invalidMethod }
            parser.head.methodRange = append(value)
            parser.head.method = HTTPMethod(0..<value.byteCount, in: value)
        } else if name.equals(":path", in: all) {
            guard path == .absent else { throw .invalidPseudoField }
            guard value.byteCount <= limits.targetBytes else { throw .targetTooLong }
            guard value.isTarget else { throw .invalidTarget }
            path = append(value)
        } else if name.equals(":authority", in: all) {
            guard authority == .absent else { throw .invalidPseudoField }
            authority = append(value)
        } else if name.equals(":scheme", in: all) {
            guard scheme == .absent, value.isToken else { throw .invalidPseudoField }
            scheme = append(value)
        } else if allowsExtendedConnect, name.equals(":protocol", in: all) {
            guard parser.head.upgradeRange == .absent, value.isToken else { throw .invalidPseudoField }
            parser.head.upgradeRange = append(value)
        } else {
            throw .invalidPseudoField
        }
    }

    /// The target is the path, or CONNECT's authority; the authority becomes the first field.
    private mutating func endPseudoFields() throws(HTTPError) {
        guard !isPastPseudoFields else { return }
        isPastPseudoFields = true
        guard parser.head.methodRange != .absent else { throw .invalidPseudoField }
        parser.head.version = .http2
        let isExtendedConnect = parser.head.upgradeRange != .absent
        guard !isExtendedConnect || parser.head.method == .connect else { throw .invalidPseudoField }
        let isConnect = parser.head.method == .connect && !isExtendedConnect
        if isConnect {
            guard path == .absent, scheme == .absent, authority != .absent else { throw .invalidPseudoField }
        } else {
            guard path != .absent, scheme != .absent else { throw .invalidPseudoField }
        }
        guard !isExtendedConnect || authority != .absent else { throw .invalidPseudoField }
        try setTarget(isConnect ? authority.range : path.range)
        parser.head.fieldsRange = ByteRange(bytes.count, bytes.count)
        guard authority != .absent else { return }
        append("host: ")
        let start = bytes.count
        for offset in authority.range { bytes.append(bytes[offset]) }
        try endLine(name: (start - 6)..<(start - 2), value: start..<bytes.count)
    }

    private mutating func setTarget(_ target: Range<Int>) throws(HTTPError) {
        let text = bytes  // Released by the end of this call: appending must not copy.
        try unsafe parser.head.setTarget(target, in: text.span.bytes)
        guard parser.head.targetForm != .absolute else { throw .invalidTarget }
    }

    // MARK: Fields

    private mutating func appendField(_ name: RawSpan, _ value: RawSpan) throws(HTTPError) {
        try endPseudoFields()
        guard name.isLowercaseToken else { throw .invalidFieldName }
        guard !name.isConnectionSpecific else { throw .connectionSpecificField }
        let all = 0..<name.byteCount
        if name.equals("te", in: all), !value.equals("trailers", in: 0..<value.byteCount) {
            throw .connectionSpecificField
        }
        guard parser.head.fieldCount < limits.fields else { throw .tooManyFields }
        if name.equals("cookie", in: all) {
            parser.head.fieldLines += 1
            if !cookie.isEmpty { cookie += [UInt8(ascii: ";"), .space] }
            value.append(first: value.byteCount, to: &cookie)
        } else if name.equals("host", in: all), authority != .absent {
            // It repeats what the pseudo-field says, or the request means two hosts (RFC 9113 §8.3.1).
            let text = bytes.span
            guard unsafe text.bytes.isEqualIgnoringCase(authority.range, to: value) else { throw .invalidHost }
        } else {
            try appendLine(name, value)
        }
    }

    private mutating func appendLine(_ name: RawSpan, _ value: RawSpan) throws(HTTPError) {
        let name = append(name).range
        append(": ")
        try endLine(name: name, value: append(value).range)
    }

    private mutating func endLine(name: Range<Int>, value: Range<Int>) throws(HTTPError) {
        append("\r\n")
        parser.head.fieldLines += 1
        let text = bytes  // As above.
        try unsafe parser.record(name, value, in: text.span.bytes)
    }

    // MARK: Bytes

    private mutating func append(_ data: RawSpan) -> ByteRange {
        let start = bytes.count
        data.append(first: data.byteCount, to: &bytes)
        return ByteRange(start, bytes.count)
    }

    private mutating func append(_ literal: StaticString) {
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
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

    fileprivate func isEqualIgnoringCase(_ range: Range<Int>, to other: RawSpan) -> Bool {
        guard range.count == other.byteCount else { return false }
        for offset in 0..<range.count {
            guard byte(at: range.lowerBound + offset).lowercased == other.byte(at: offset).lowercased else {
                return false
            }
        }
        return true
    }
}
