/// A pull parser for `multipart/form-data` (RFC 2046 §5.1, RFC 7578): the parts of a body, one after the other.
///
/// Used as ``HTTPParser`` is: the caller keeps the input that was not yet consumed contiguous, asks with ``next(in:)``
/// for one event at a time until `.needMore`, and before the next call drops as many bytes as the event says. Whatever
/// way the input is cut, heads, the sum of each part's data and errors are the same. What has to be kept is at most a
/// head of ``MultipartLimits/headBytes``, or the 80 bytes of a delimiter.
public struct MultipartParser: Sendable {
    public enum Event: Sendable, Equatable {
        /// Nothing was consumed: ask again when there is at least one byte more.
        case needMore
        /// A part begins. Its field lines count from the start of the given bytes: read them with ``FieldIterator``.
        case part(fields: Range<Int>, consumed: Int)
        /// Data of the part, never empty.
        case data(Range<Int>, consumed: Int)
        case endOfPart(consumed: Int)
        /// All parts were read; what still comes means nothing (RFC 2046 §5.1.1).
        case end(consumed: Int)
        /// What stands before the first delimiter, and means nothing either.
        case preamble(consumed: Int)
    }

    private enum State {
        case start
        case preamble(count: Int)
        /// Behind a delimiter: two hyphens after the last one, else the end of its line.
        case delimiterEnd
        case head(FieldLineParser, count: Int)
        case data
        case ended
        case failed(MultipartError)
    }

    /// Spaces and tabs that may stand between a delimiter and the end of its line.
    private static let paddingBytes = 64

    private let limits: MultipartLimits
    /// CR LF, two hyphens and the boundary.
    private let delimiter: [UInt8]
    private var state = State.start
    private var parts = 0

    /// - Throws: `.invalidBoundary` unless it has 1 to 70 characters of those that RFC 2046 §5.1.1 allows.
    public init(boundary: String, limits: MultipartLimits = MultipartLimits()) throws(MultipartError) {
        guard (1...70).contains(boundary.utf8.count), boundary.utf8.last != .space,
            boundary.utf8.allSatisfy(\.isBoundary)
        else { throw .invalidBoundary }
        delimiter = Array("\r\n--\(boundary)".utf8)
        self.limits = limits
    }

    /// The next event in the input that was not consumed so far; after `.end` nothing more is asked.
    public mutating func next(in bytes: RawSpan) throws(MultipartError) -> Event {
        do throws(MultipartError) {
            switch state {
            case .start: return try start(bytes)
            case .preamble(let count): return try nextPreamble(count, in: bytes)
            case .delimiterEnd: return try nextDelimiterEnd(in: bytes)
            case .head(let lines, let count): return try nextHead(lines, count, in: bytes)
            case .data: return nextData(in: bytes)
            case .ended: return .end(consumed: 0)
            case .failed(let error): throw error
            }
        } catch {
            state = .failed(error)
            throw error
        }
    }

    /// Says that the body is over. Call it when ``next(in:)`` has answered `.needMore`.
    /// - Throws: `.truncated` before the last delimiter.
    public mutating func handleEndOfInput() throws(MultipartError) {
        guard case .ended = state else {
            state = .failed(.truncated)
            throw .truncated
        }
    }

    /// The first delimiter may stand at the very beginning, and then without its line end.
    private mutating func start(_ bytes: RawSpan) throws(MultipartError) -> Event {
        let first = delimiter.count - 2
        for index in 0..<min(first, bytes.byteCount) where bytes.byte(at: index) != delimiter[index + 2] {
            state = .preamble(count: 0)
            return try nextPreamble(0, in: bytes)
        }
        guard bytes.byteCount >= first else { return .needMore }
        state = .delimiterEnd
        return .preamble(consumed: first)
    }

    private mutating func nextPreamble(_ count: Int, in bytes: RawSpan) throws(MultipartError) -> Event {
        let (position, isWhole) = delimiterPosition(in: bytes)
        guard count + position <= limits.preambleBytes else { throw .preambleTooLong }
        if isWhole {
            state = .delimiterEnd
            return .preamble(consumed: position + delimiter.count)
        }
        guard position > 0 else { return .needMore }
        state = .preamble(count: count + position)
        return .preamble(consumed: position)
    }

    private mutating func nextDelimiterEnd(in bytes: RawSpan) throws(MultipartError) -> Event {
        guard bytes.byteCount >= 2 else { return try needSecondByte(in: bytes) }
        if bytes.byte(at: 0) == UInt8(ascii: "-"), bytes.byte(at: 1) == UInt8(ascii: "-") {
            state = .ended
            return .end(consumed: 2)
        }
        var offset = 0
        while offset < bytes.byteCount, bytes.byte(at: offset).isSpace { offset += 1 }
        guard offset <= Self.paddingBytes else { throw .invalidDelimiter }
        guard offset < bytes.byteCount else { return .needMore }
        guard bytes.byte(at: offset) == .carriageReturn else { throw .invalidDelimiter }
        guard offset + 1 < bytes.byteCount else { return .needMore }
        guard bytes.byte(at: offset + 1) == .lineFeed else { throw .invalidDelimiter }
        guard parts < limits.parts else { throw .tooManyParts }
        parts += 1
        let lines = FieldLineParser(position: offset + 2)
        state = .head(lines, count: 0)
        return try nextHead(lines, 0, in: bytes)
    }

    /// What begins wrongly is wrong already, however little of it is there.
    private func needSecondByte(in bytes: RawSpan) throws(MultipartError) -> Event {
        guard !bytes.isEmpty else { return .needMore }
        let byte = bytes.byte(at: 0)
        guard byte == UInt8(ascii: "-") || byte == .carriageReturn || byte.isSpace else { throw .invalidDelimiter }
        return .needMore
    }

    private mutating func nextHead(
        _ parser: FieldLineParser, _ count: Int, in bytes: RawSpan
    ) throws(MultipartError) -> Event {
        var (lines, count) = (parser, count)
        // The end of the delimiter's line was not consumed, so that head and line end are one event.
        let start = headStart(in: bytes)
        let end = min(bytes.byteCount, start + limits.headBytes)
        while true {
            let line: FieldLineParser.Line
            do throws(HTTPError) { line = try lines.next(in: bytes, to: end) } catch { throw .invalidField(error) }
            switch line {
            case .field:
                guard count < limits.fields else { throw .tooManyFields }
                count += 1
            case .end:
                state = .data
                return .part(fields: start..<(lines.position - 2), consumed: lines.position)
            case .incomplete:
                guard end < start + limits.headBytes else { throw .headTooLong }
                state = .head(lines, count: count)
                return .needMore
            }
        }
    }

    private func headStart(in bytes: RawSpan) -> Int {
        (bytes.firstOffset(of: .lineFeed, from: 0, to: bytes.byteCount) ?? 0) + 1
    }

    private mutating func nextData(in bytes: RawSpan) -> Event {
        let (position, isWhole) = delimiterPosition(in: bytes)
        if position > 0 { return .data(0..<position, consumed: position) }
        guard isWhole else { return .needMore }
        state = .delimiterEnd
        return .endOfPart(consumed: delimiter.count)
    }

    /// Where the first delimiter begins, or could begin once there is more; the end if none can. A delimiter has one
    /// carriage return, at its start, so no byte is compared twice.
    private func delimiterPosition(in bytes: RawSpan) -> (position: Int, isWhole: Bool) {
        var start = 0
        while let position = bytes.firstOffset(of: .carriageReturn, from: start, to: bytes.byteCount) {
            let rest = min(delimiter.count, bytes.byteCount - position)
            var matching = 1
            while matching < rest, bytes.byte(at: position + matching) == delimiter[matching] { matching += 1 }
            if matching == delimiter.count { return (position, true) }
            if matching == rest { return (position, false) }
            start = position + matching
        }
        return (bytes.byteCount, false)
    }
}

/// What a ``MultipartParser`` takes from a peer. The bytes of the whole are the body's own limit.
public struct MultipartLimits: Sendable, Hashable {
    public var parts = 100
    /// The head of one part, with its empty line.
    public var headBytes = 8 << 10
    /// Field lines in the head of one part.
    public var fields = 16
    /// Before the first delimiter, where nothing should be.
    public var preambleBytes = 1 << 10

    public init() {}
}

/// A body that breaks the rules of multipart or a limit.
public enum MultipartError: Error, Hashable, Sendable {
    case invalidBoundary
    /// A delimiter that something else follows than two hyphens or the end of the line.
    case invalidDelimiter
    case invalidField(HTTPError)
    case headTooLong
    case tooManyFields
    case tooManyParts
    case preambleTooLong
    /// The body is over before the last delimiter.
    case truncated

    /// The status code to answer with: 400, 413 or 431.
    public var status: Int {
        switch self {
        case .invalidBoundary, .invalidDelimiter, .invalidField, .preambleTooLong, .truncated: 400
        case .tooManyParts: 413
        case .headTooLong, .tooManyFields: 431
        }
    }
}

extension UInt8 {
    /// `bchars` of RFC 2046 §5.1.1.
    fileprivate var isBoundary: Bool { isLetter || isDigit || "'()+_,-./:=? ".utf8.contains(self) }
}
