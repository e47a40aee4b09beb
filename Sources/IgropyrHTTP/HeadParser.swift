/// Reads one head. Fed with the same bytes and more, it goes on where it stopped: no byte is scanned twice, and what is
/// wrong is found at the same byte however the input is cut.
@usableFromInline struct HeadParser: Sendable {
    /// Where to go on once there are more bytes.
    enum State {
        case start
        case emptyLine
        case method(start: Int)
        case target(start: Int)
        case requestVersion(start: Int)
        case statusCode
        case reason(start: Int)
        case startLineEnd
        case fields(FieldLineParser)
    }

    let isResponse: Bool
    var state = State.start
    /// Everything before it was checked; ``FieldLineParser`` counts on from there.
    var position = 0
    var hasSkippedEmptyLine = false
    /// What is known of the head so far; whole once ``parse(_:)`` says so.
    @usableFromInline var head = MessageHead()
    var codings = TransferCodings()

    /// Whether the head is whole. `limits` are the same in each call.
    mutating func parse(_ bytes: RawSpan, limits: ParserLimits) throws(HTTPError) -> Bool {
        let end = min(bytes.byteCount, limits.headBytes)
        let isWhole =
            switch state {
            case .start: try parseStart(bytes, to: end, limits)
            case .emptyLine: try parseEmptyLine(bytes, to: end, limits)
            case .method(let start): try parseMethod(bytes, from: start, to: end, limits)
            case .target(let start): try parseTarget(bytes, from: start, to: end, limits)
            case .requestVersion(let start): try parseRequestVersion(bytes, from: start, to: end, limits)
            case .statusCode: try parseStatusCode(bytes, to: end, limits)
            case .reason(let start): try parseReason(bytes, from: start, to: end, limits)
            case .startLineEnd: try parseStartLineEnd(bytes, to: end, limits)
            case .fields(let lines): try parseFields(bytes, lines, to: end, limits)
            }
        guard isWhole || end < limits.headBytes else { throw .headTooLong }
        return isWhole
    }

    // Each of the following reads one part and goes on to the next, or waits for the rest of its own.

    mutating func wait(in state: State) -> Bool {
        self.state = state
        return false
    }

    private mutating func parseStart(
        _ bytes: RawSpan, to end: Int, _ limits: ParserLimits
    ) throws(HTTPError) -> Bool {
        guard position < end else { return wait(in: .start) }
        switch bytes.byte(at: position) {
        case .carriageReturn:
            guard !isResponse, !hasSkippedEmptyLine else { throw .unexpectedEmptyLine }
            hasSkippedEmptyLine = true
            position += 1
            return try parseEmptyLine(bytes, to: end, limits)
        case .lineFeed: throw .bareLineFeed
        default:
            return isResponse
                ? try parseStatusCode(bytes, to: end, limits)
                : try parseMethod(bytes, from: position, to: end, limits)
        }
    }

    private mutating func parseEmptyLine(
        _ bytes: RawSpan, to end: Int, _ limits: ParserLimits
    ) throws(HTTPError) -> Bool {
        guard position < end else { return wait(in: .emptyLine) }
        guard bytes.byte(at: position) == .lineFeed else { throw .bareCarriageReturn }
        position += 1
        return try parseStart(bytes, to: end, limits)
    }

    /// The line feed after the start line's carriage return.
    mutating func parseStartLineEnd(
        _ bytes: RawSpan, to end: Int, _ limits: ParserLimits
    ) throws(HTTPError) -> Bool {
        guard position < end else { return wait(in: .startLineEnd) }
        guard bytes.byte(at: position) == .lineFeed else { throw .bareCarriageReturn }
        position += 1
        head.fieldsRange = ByteRange(position, position)
        return try parseFields(bytes, FieldLineParser(position: position), to: end, limits)
    }

    private mutating func parseFields(
        _ bytes: RawSpan, _ parser: FieldLineParser, to end: Int, _ limits: ParserLimits
    ) throws(HTTPError) -> Bool {
        var lines = parser
        while true {
            switch try lines.next(in: bytes, to: end) {
            case .field(let name, let value):
                guard head.fieldCount < limits.fields else { throw .tooManyFields }
                head.fieldLines += 1
                try record(name, value, in: bytes)
            case .end:
                head.fieldsRange.end = UInt32(truncatingIfNeeded: lines.position - 2)
                try finish()
                return true
            case .incomplete:
                return wait(in: .fields(lines))
            }
        }
    }

    /// `HTTP/1.1`, which nearly all speak, its first byte lowest.
    private static var http11: UInt64 { 0x312E_312F_5054_5448 }

    /// Reads `HTTP/1.x` from `start`; nil while the eight bytes are not all there. Bytes are judged as they come.
    func version(_ bytes: RawSpan, from start: Int, to end: Int) throws(HTTPError) -> MessageHead.Version? {
        if end - start >= 8, bytes.word(at: start) == Self.http11 { return .http11 }
        let literal: StaticString = "HTTP/"
        let count = min(end - start, 8)
        for index in 0..<max(count, 0) {
            let byte = bytes.byte(at: start + index)
            let isRight =
                switch index {
                case 0..<5: byte == (unsafe literal.utf8Start[index])  // Within the literal's five bytes.
                case 6: byte == UInt8(ascii: ".")
                default: byte.isDigit
                }
            guard isRight else { throw .invalidVersion }
        }
        guard count == 8 else { return nil }
        switch (bytes.byte(at: start + 5), bytes.byte(at: start + 7)) {
        case (0x31, 0x31): return .http11
        case (0x31, 0x30): return .http10
        default: throw .unsupportedVersion
        }
    }
}
