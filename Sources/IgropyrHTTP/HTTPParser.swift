/// A pull parser for one direction of an HTTP/1.1 connection: requests in a server, responses in a client.
///
/// The caller keeps the input that was not yet consumed contiguous and asks with ``next(in:)`` for one event at a time,
/// until `.needMore`. Before the next call it drops as many bytes as the event says. Nothing is allocated, nothing
/// copied, and whatever way the input is cut, heads, trailers, the sum of the bodies and errors are the same.
///
/// After an error the parser stays failed: it does not know where the next message starts.
public struct HTTPParser: Sendable {
    @frozen public enum Event: Sendable {
        /// Nothing was consumed: ask again when there is at least one byte more.
        case needMore
        /// ``HTTPParser/head`` is whole; its ranges count from the start of the given bytes. After an interim response
        /// (``MessageHead/isInterim``) comes another head, after any other head in the end `.end`.
        case head(consumed: Int)
        /// Data of the body, a part of the given bytes that is never empty, without the framing around it.
        case body(Range<Int>, consumed: Int)
        /// The trailer fields, a part of the given bytes: read them with ``FieldIterator``. Only if there are any.
        case trailers(Range<Int>, consumed: Int)
        /// The message is over; the next one may begin.
        case end(consumed: Int)
    }

    enum State {
        case head
        /// Another head answers the same request.
        case interimEnd
        case lengthBody(remaining: UInt64)
        /// Before the line of a chunk's size. After the first chunk, the line end of the data before it comes first.
        /// `scanned` bytes have no line feed that ends the line.
        case chunkLine(isFirst: Bool, scanned: Int)
        case chunkData(remaining: UInt64)
        /// `start` counts from the first byte that is not consumed, where the last chunk's line begins.
        case trailers(FieldLineParser, start: Int, count: Int)
        case untilCloseBody
        case end
        case failed(HTTPError)
    }

    let limits: ParserLimits
    var state = State.head
    /// Whether nothing of a message was seen yet since the last `.end`: the connection may be closed without loss.
    public private(set) var isBetweenMessages = true
    @usableFromInline var headParser: HeadParser
    /// The method of the request that the next final response answers; nil in a server.
    private var requestMethod: HTTPMethod?
    /// Bytes of chunk extensions in this message.
    var chunkExtensionBytes = 0

    private init(isResponse: Bool, limits: HTTPLimits) {
        self.limits = ParserLimits(limits)
        headParser = HeadParser(isResponse: isResponse)
    }

    /// A server's parser.
    public static func requests(limits: HTTPLimits = HTTPLimits()) -> HTTPParser {
        HTTPParser(isResponse: false, limits: limits)
    }

    /// A client's parser. Tell it of each request with ``expectResponse(to:)``.
    public static func responses(limits: HTTPLimits = HTTPLimits()) -> HTTPParser {
        HTTPParser(isResponse: true, limits: limits)
    }

    /// What the last `.head` told of; from then on until `.end`, or another `.head`.
    @inlinable public var head: MessageHead { headParser.head }

    /// Says which request the next response answers. Bytes that come without are ``HTTPError/unsolicitedResponse``.
    /// - Precondition: The parser reads responses, and the last one has ended.
    public mutating func expectResponse(to method: HTTPMethod) {
        precondition(headParser.isResponse && requestMethod == nil, "one response at a time")
        requestMethod = method
    }

    /// The next event in the input that was not consumed so far.
    public mutating func next(in bytes: RawSpan) throws(HTTPError) -> Event {
        do throws(HTTPError) {
            switch state {
            case .head: return try nextHead(in: bytes)
            case .interimEnd:
                headParser = HeadParser(isResponse: true)
                state = .head
                return try nextHead(in: bytes)
            case .lengthBody(let remaining): return nextLengthBody(remaining, in: bytes)
            case .chunkLine(let isFirst, let scanned):
                return try nextChunk(isFirst: isFirst, scanned: scanned, in: bytes)
            case .chunkData(let remaining): return nextChunkData(remaining, in: bytes)
            case .trailers(let lines, let start, let count):
                return try nextTrailers(lines, start: start, count: count, in: bytes)
            case .untilCloseBody:
                return bytes.isEmpty ? .needMore : .body(0..<bytes.byteCount, consumed: bytes.byteCount)
            case .end:
                return endMessage(consumed: 0)
            case .failed(let error):
                throw error
            }
        } catch {
            state = .failed(error)
            throw error
        }
    }

    /// Says that the peer sends nothing more. Call it when `next` has answered `.needMore`.
    /// - Returns: Whether this ended a body whose end is the close; it counts as the `.end`.
    /// - Throws: `.truncated` in the middle of a message, or when a response was expected.
    public mutating func handleEndOfInput() throws(HTTPError) -> Bool {
        switch state {
        case .head:
            guard isBetweenMessages, requestMethod == nil else { break }
            return false
        case .untilCloseBody:
            _ = endMessage(consumed: 0)
            return true
        case .interimEnd, .lengthBody, .chunkLine, .chunkData, .trailers, .end:
            break
        case .failed(let error):
            throw error
        }
        isBetweenMessages = false
        state = .failed(.truncated)
        throw .truncated
    }

    mutating func endMessage(consumed: Int) -> Event {
        state = .head
        isBetweenMessages = true
        headParser = HeadParser(isResponse: headParser.isResponse)
        requestMethod = nil
        chunkExtensionBytes = 0
        return .end(consumed: consumed)
    }

    private mutating func nextHead(in bytes: RawSpan) throws(HTTPError) -> Event {
        guard !bytes.isEmpty else { return .needMore }
        isBetweenMessages = false
        if headParser.isResponse, requestMethod == nil { throw .unsolicitedResponse }
        guard try headParser.parse(bytes, limits: limits) else { return .needMore }
        if let requestMethod { headParser.head.settleFraming(asAnswerTo: requestMethod) }
        state = headParser.head.isInterim ? .interimEnd : Self.state(for: headParser.head.framing)
        return .head(consumed: headParser.head.byteCount)
    }

    private static func state(for framing: MessageHead.Framing) -> State {
        switch framing {
        case .none, .length(0): .end
        case .length(let length): .lengthBody(remaining: length)
        case .chunked: .chunkLine(isFirst: true, scanned: 0)
        case .untilClose: .untilCloseBody
        }
    }

    private mutating func nextLengthBody(_ remaining: UInt64, in bytes: RawSpan) -> Event {
        guard !bytes.isEmpty else { return .needMore }
        let count = Int(min(remaining, UInt64(bytes.byteCount)))
        let rest = remaining - UInt64(count)
        state = rest == 0 ? .end : .lengthBody(remaining: rest)
        return .body(0..<count, consumed: count)
    }
}

extension MessageHead {
    /// The rules of RFC 9112 §6.3 that depend on the request.
    fileprivate mutating func settleFraming(asAnswerTo method: HTTPMethod) {
        switch status {
        case 101: framing = .untilClose
        case 100..<200, 204, 304: framing = .none
        case 200..<300 where method == .connect: framing = .untilClose
        default:
            if method == .head { framing = .none } else if framing == .none { framing = .untilClose }
        }
        if framing == .untilClose { keepAlive = false }
    }
}
