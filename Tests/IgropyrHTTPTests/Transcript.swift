import IgropyrHTTP

/// What a parser made of some bytes, with the pieces of each body joined: the same however the bytes were cut.
struct Transcript: Equatable, CustomStringConvertible {
    var lines: [String] = []
    var error: HTTPError?

    var description: String { (lines + [error.map { "error \($0)" } ?? "ok"]).joined(separator: " | ") }

    /// Feeds `wire` to a parser, at most `step` bytes more at a time.
    static func requests(_ wire: [UInt8], step: Int, limits: HTTPLimits = HTTPLimits()) -> Transcript {
        var transcript = Transcript()
        var parser = HTTPParser.requests(limits: limits)
        transcript.feed(&parser, wire, step: step)
        return transcript
    }

    /// As ``requests(_:step:limits:)``, for the answers to requests with `methods`; with `isClosed`, then the end of
    /// input.
    static func responses(
        _ wire: [UInt8], to methods: [HTTPMethod] = [.get], step: Int, isClosed: Bool = false,
        limits: HTTPLimits = HTTPLimits()
    ) -> Transcript {
        var transcript = Transcript()
        var parser = HTTPParser.responses(limits: limits)
        var methods = methods[...]
        if let first = methods.popFirst() { parser.expectResponse(to: first) }
        transcript.feed(&parser, wire, step: step) { parser in
            if let next = methods.popFirst() { parser.expectResponse(to: next) }
        }
        guard isClosed, transcript.error == nil else { return transcript }
        do {
            if try parser.handleEndOfInput() { transcript.lines.append("end") }
        } catch {
            transcript.error = error
        }
        return transcript
    }

    private mutating func feed(
        _ parser: inout HTTPParser, _ wire: [UInt8], step: Int, onEnd: (inout HTTPParser) -> Void = { _ in }
    ) {
        var pending: [UInt8] = []
        var fed = 0
        repeat {
            let count = min(step, wire.count - fed)
            pending += wire[fed..<(fed + count)]
            fed += count
            do {
                while let consumed = try take(from: &parser, pending, onEnd) { pending.removeFirst(consumed) }
            } catch {
                self.error = error
                return
            }
        } while fed < wire.count
    }

    /// Takes one event and notes it; nil for `.needMore`.
    private mutating func take(
        from parser: inout HTTPParser, _ pending: [UInt8], _ onEnd: (inout HTTPParser) -> Void
    ) throws(HTTPError) -> Int? {
        let bytes = pending.span.bytes
        switch try parser.next(in: bytes) {
        case .needMore:
            return nil
        case .head(let consumed):
            lines.append(Self.describe(parser.head, in: bytes))
            return consumed
        case .body(let range, let consumed):
            if lines.last?.hasPrefix("body ") != true { lines.append("body ") }
            lines[lines.count - 1] += bytes.array(in: range).map { String(UnicodeScalar($0)) }.joined()
            return consumed
        case .trailers(let range, let consumed):
            lines.append("trailers \(bytes.string(in: range).debugDescription)")
            return consumed
        case .end(let consumed):
            lines.append("end")
            onEnd(&parser)
            return consumed
        }
    }

    private static func describe(_ head: MessageHead, in bytes: RawSpan) -> String {
        var words = [
            head.status == 0
                ? "\(head.method) \(bytes.string(in: head.target))" : "\(head.status) \(bytes.string(in: head.reason))",
            "\(head.version)", "\(head.framing)",
        ]
        if head.keepAlive { words.append("keep") }
        if head.expectContinue { words.append("expect") }
        if let upgrade = head.upgrade { words.append("upgrade=\(bytes.string(in: upgrade))") }
        if let authority = head.authority { words.append("@\(bytes.string(in: authority))") }
        head.forEachField(in: bytes) { name, value in
            words.append("\(bytes.string(in: name))=\(bytes.string(in: value))")
        }
        return words.joined(separator: " ")
    }
}

extension String {
    var bytes: [UInt8] { Array(utf8) }
}

struct NoHead: Error {}

/// The head at the start of `wire`: of a request, or of the response to one with `method`.
func head(of wire: [UInt8], answering method: HTTPMethod? = nil) throws -> MessageHead {
    var parser = method == nil ? HTTPParser.requests() : HTTPParser.responses()
    if let method { parser.expectResponse(to: method) }
    guard case .head(let consumed) = try parser.next(in: wire.span.bytes), consumed == parser.head.byteCount else {
        throw NoHead()
    }
    return parser.head
}
