/// Reads field lines, of a head or of trailers, up to the empty line (RFC 9112 §5). No byte is looked at twice, however
/// the lines are cut.
struct FieldLineParser {
    enum Line {
        case field(name: Range<Int>, value: Range<Int>)
        /// The empty line was read; `position` is behind it.
        case end
        case incomplete
    }

    private enum State {
        case lineStart
        case name(start: Int)
        case value(name: ByteRange, start: Int)
        case lineEnd(name: ByteRange, value: ByteRange)
        case sectionEnd
    }

    private var state = State.lineStart
    /// Everything before it was checked.
    private(set) var position: Int

    init(position: Int) { self.position = position }

    /// The next line among the bytes before `end`.
    @inline(__always) mutating func next(in bytes: RawSpan, to end: Int) throws(HTTPError) -> Line {
        // Nearly all lines are here as a whole.
        if case .lineStart = state { try startLine(bytes, to: end) } else { try goOn(bytes, to: end) }
    }

    /// With a line that was cut.
    @inline(never) private mutating func goOn(_ bytes: RawSpan, to end: Int) throws(HTTPError) -> Line {
        let cut = state
        state = .lineStart
        return switch cut {
        case .lineStart: try startLine(bytes, to: end)
        case .name(let start): try readName(bytes, from: start, to: end)
        case .value(let name, let start): try readValue(bytes, of: name, from: start, to: end)
        case .lineEnd(let name, let value): try endLine(bytes, name, value, to: end)
        case .sectionEnd: try endSection(bytes, to: end)
        }
    }

    // Each of the following reads one part and goes on to the next, or waits for the rest of its own.

    private mutating func wait(in state: State) -> Line {
        self.state = state
        return .incomplete
    }

    @inline(__always) private mutating func startLine(_ bytes: RawSpan, to end: Int) throws(HTTPError) -> Line {
        guard position < end else { return wait(in: .lineStart) }
        switch bytes.byte(at: position) {
        case .carriageReturn:
            position += 1
            return try endSection(bytes, to: end)
        case .lineFeed: throw .bareLineFeed
        case .space, .tab: throw .lineFolding
        default: return try readName(bytes, from: position, to: end)
        }
    }

    @inline(__always) private mutating func readName(
        _ bytes: RawSpan, from start: Int, to end: Int
    ) throws(HTTPError) -> Line {
        position = bytes.endOfToken(from: position, to: end)
        guard position < end else { return wait(in: .name(start: start)) }
        let byte = bytes.byte(at: position)
        guard byte == UInt8(ascii: ":") else {
            throw byte.isSpace ? .spaceBeforeColon : byte == .lineFeed ? .bareLineFeed : .invalidFieldName
        }
        guard position > start else { throw .invalidFieldName }
        let name = ByteRange(start, position)
        position += 1
        return try readValue(bytes, of: name, from: position, to: end)
    }

    @inline(__always) private mutating func readValue(
        _ bytes: RawSpan, of name: ByteRange, from start: Int, to end: Int
    ) throws(HTTPError) -> Line {
        position = bytes.endOfText(from: position, to: end)
        guard position < end else { return wait(in: .value(name: name, start: start)) }
        let byte = bytes.byte(at: position)
        guard byte == .carriageReturn else { throw byte == .lineFeed ? .bareLineFeed : .controlCharacter }
        let value = ByteRange(start, position)
        position += 1
        return try endLine(bytes, name, value, to: end)
    }

    @inline(__always) private mutating func endLine(
        _ bytes: RawSpan, _ name: ByteRange, _ value: ByteRange, to end: Int
    ) throws(HTTPError) -> Line {
        guard try readLineFeed(bytes, to: end) else { return wait(in: .lineEnd(name: name, value: value)) }
        return .field(name: name.range, value: bytes.trimmed(value.range))
    }

    @inline(__always) private mutating func endSection(_ bytes: RawSpan, to end: Int) throws(HTTPError) -> Line {
        try readLineFeed(bytes, to: end) ? .end : wait(in: .sectionEnd)
    }

    /// Whether it is here already.
    @inline(__always) private mutating func readLineFeed(_ bytes: RawSpan, to end: Int) throws(HTTPError) -> Bool {
        guard position < end else { return false }
        guard bytes.byte(at: position) == .lineFeed else { throw .bareCarriageReturn }
        position += 1
        return true
    }
}
