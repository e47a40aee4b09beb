/// Makes one head of the fields of an HTTP/2 request, as they come out of the header compression (RFC 9113 §8.2, §8.3).
///
/// The head looks as HTTP/1.1's do: ``bytes`` hold the values of the pseudo-fields, then `name: value` lines, the
/// first of which is `host`. So whoever reads a ``MessageHead`` need not know of which version the message was. Call
/// ``begin()``, ``append(name:value:)`` for each field, then ``finish(endsStream:)``.
///
/// After an error the rest is ignored; the request is malformed or too large, the connection can go on.
public struct HTTP2RequestHead: Sendable {
    /// What a head's ranges count from; good until the next ``begin()``.
    public var bytes: [UInt8] { lines.bytes }
    /// Bytes of all names and values so far, ignored ones too.
    public private(set) var fieldBytes = 0
    private let limits: ParserLimits
    private let allowsExtendedConnect: Bool
    private var lines = HTTP2HeadLines(isResponse: false)
    private var error: HTTPError?
    private var scheme = ByteRange.absent
    private var path = ByteRange.absent
    private var authority = ByteRange.absent
    private var isPastPseudoFields = false
    /// The crumbs of `cookie`, joined (RFC 9113 §8.2.3).
    private var cookie: [UInt8] = []

    /// `other` until it is known.
    public var method: HTTPMethod { lines.parser.head.method }

    /// `allowsExtendedConnect`: whether CONNECT may name a protocol (RFC 8441), ``MessageHead/upgrade`` then.
    public init(limits: HTTPLimits = HTTPLimits(), allowsExtendedConnect: Bool = false) {
        self.limits = ParserLimits(limits)
        self.allowsExtendedConnect = allowsExtendedConnect
    }

    /// Forgets the last head; keeps a small buffer for the next one.
    public mutating func begin() {
        lines.removeAll()
        if !cookie.isEmpty { cookie = [] }
        fieldBytes = 0
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
            lines.append("cookie: ")
            lines.append(cookie)
            lines.append("\r\n")
        }
        guard lines.parser.head.host != nil else { throw .missingHost }
        lines.end()
        if let length = lines.parser.head.contentLength {
            guard !endsStream || length == 0 else { throw .invalidContentLength }
            lines.parser.head.framing = .length(length)
        } else {
            lines.parser.head.framing = endsStream ? .none : .chunked
        }
        return lines.parser.head
    }

    // MARK: Pseudo-fields

    private mutating func appendPseudoField(_ name: RawSpan, _ value: RawSpan) throws(HTTPError) {
        guard !isPastPseudoFields, !value.isEmpty else { throw .invalidPseudoField }
        let all = 0..<name.byteCount
        if name.equals(":method", in: all) {
            guard lines.parser.head.methodRange == .absent else { throw .invalidPseudoField }
            guard value.byteCount <= HeadParser.maximumMethodBytes else { throw .methodTooLong }
            guard value.isToken else { throw .invalidMethod }
            lines.parser.head.methodRange = lines.append(value)
            lines.parser.head.method = HTTPMethod(0..<value.byteCount, in: value)
        } else if name.equals(":path", in: all) {
            guard path == .absent else { throw .invalidPseudoField }
            guard value.byteCount <= limits.targetBytes else { throw .targetTooLong }
            guard value.isTarget else { throw .invalidTarget }
            path = lines.append(value)
        } else if name.equals(":authority", in: all) {
            guard authority == .absent else { throw .invalidPseudoField }
            authority = lines.append(value)
        } else if name.equals(":scheme", in: all) {
            guard scheme == .absent, value.isToken else { throw .invalidPseudoField }
            scheme = lines.append(value)
        } else if allowsExtendedConnect, name.equals(":protocol", in: all) {
            guard lines.parser.head.upgradeRange == .absent, value.isToken else { throw .invalidPseudoField }
            lines.parser.head.upgradeRange = lines.append(value)
        } else {
            throw .invalidPseudoField
        }
    }

    /// The target is the path, or CONNECT's authority; the authority becomes the first field.
    private mutating func endPseudoFields() throws(HTTPError) {
        guard !isPastPseudoFields else { return }
        isPastPseudoFields = true
        guard lines.parser.head.methodRange != .absent else { throw .invalidPseudoField }
        let isExtendedConnect = lines.parser.head.upgradeRange != .absent
        guard !isExtendedConnect || lines.parser.head.method == .connect else { throw .invalidPseudoField }
        let isConnect = lines.parser.head.method == .connect && !isExtendedConnect
        if isConnect {
            guard path == .absent, scheme == .absent, authority != .absent else { throw .invalidPseudoField }
        } else {
            guard path != .absent, scheme != .absent else { throw .invalidPseudoField }
        }
        guard !isExtendedConnect || authority != .absent else { throw .invalidPseudoField }
        try setTarget(isConnect ? authority.range : path.range)
        lines.parser.head.fieldsRange = ByteRange(bytes.count, bytes.count)
        guard authority != .absent else { return }
        lines.append("host: ")
        let start = bytes.count
        lines.append(authority.range)
        try lines.endLine(name: (start - 6)..<(start - 2), value: start..<bytes.count)
    }

    private mutating func setTarget(_ target: Range<Int>) throws(HTTPError) {
        let text = bytes  // Released by the end of this call: appending must not copy.
        try unsafe lines.parser.head.setTarget(target, in: text.span.bytes)
        guard lines.parser.head.targetForm != .absolute else { throw .invalidTarget }
    }

    // MARK: Fields

    private mutating func appendField(_ name: RawSpan, _ value: RawSpan) throws(HTTPError) {
        try endPseudoFields()
        try HTTP2HeadLines.check(name, value)
        let all = 0..<name.byteCount
        guard lines.parser.head.fieldCount < limits.fields else { throw .tooManyFields }
        if name.equals("cookie", in: all) {
            lines.parser.head.fieldLines += 1
            if !cookie.isEmpty { cookie += [UInt8(ascii: ";"), .space] }
            value.append(first: value.byteCount, to: &cookie)
        } else if name.equals("host", in: all), authority != .absent {
            // It repeats what the pseudo-field says, or the request means two hosts (RFC 9113 §8.3.1).
            let text = bytes.span
            guard unsafe text.bytes.isEqualIgnoringCase(authority.range, to: value) else { throw .invalidHost }
        } else {
            try lines.appendLine(name, value)
        }
    }
}

extension RawSpan {
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
