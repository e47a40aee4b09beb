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
        while true {
            switch state {
            case .lineStart:
                guard position < end else { return .incomplete }
                try startLine(with: bytes.byte(at: position))
            case .name(let start):
                position = bytes.endOfToken(from: position, to: end)
                guard position < end else { return .incomplete }
                try endName(from: start, with: bytes.byte(at: position))
            case .value(let name, let start):
                position = bytes.endOfText(from: position, to: end)
                guard position < end else { return .incomplete }
                try endValue(with: bytes.byte(at: position))
                state = .lineEnd(name: name, value: ByteRange(start, position))
                position += 1
            case .lineEnd(let name, let value):
                guard position < end else { return .incomplete }
                try endLine(with: bytes.byte(at: position))
                state = .lineStart
                return .field(name: name.range, value: bytes.trimmed(value.range))
            case .sectionEnd:
                guard position < end else { return .incomplete }
                try endLine(with: bytes.byte(at: position))
                return .end
            }
        }
    }

    @inline(__always) private mutating func startLine(with byte: UInt8) throws(HTTPError) {
        switch byte {
        case .carriageReturn:
            state = .sectionEnd
            position += 1
        case .lineFeed: throw .bareLineFeed
        case .space, .tab: throw .lineFolding
        default: state = .name(start: position)
        }
    }

    @inline(__always) private mutating func endName(from start: Int, with byte: UInt8) throws(HTTPError) {
        guard byte == UInt8(ascii: ":") else {
            throw byte.isSpace ? .spaceBeforeColon : byte == .lineFeed ? .bareLineFeed : .invalidFieldName
        }
        guard position > start else { throw .invalidFieldName }
        let name = ByteRange(start, position)
        position += 1
        state = .value(name: name, start: position)
    }

    @inline(__always) private func endValue(with byte: UInt8) throws(HTTPError) {
        guard byte == .carriageReturn else { throw byte == .lineFeed ? .bareLineFeed : .controlCharacter }
    }

    @inline(__always) private mutating func endLine(with byte: UInt8) throws(HTTPError) {
        guard byte == .lineFeed else { throw .bareCarriageReturn }
        position += 1
    }
}
