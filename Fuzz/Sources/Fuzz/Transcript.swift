import IgropyrHTTP

/// What a parser makes of the bytes of one direction of an HTTP/1.1 connection, with the pieces of each body joined;
/// each event is held against what ``HTTPParser`` promises.
struct Transcript: Equatable {
    enum Entry: Equatable {
        case head(Head)
        case body([UInt8])
        case trailers([UInt8])
        case end
    }

    /// A head taken apart.
    struct Head: Equatable {
        var method: [UInt8]
        var target: [UInt8]
        var path: [UInt8]
        var query: [UInt8]?
        var status: Int
        var reason: [UInt8]
        var version: MessageHead.Version
        var framing: MessageHead.Framing
        var contentLength: UInt64?
        var keepAlive: Bool
        var expectsContinue: Bool
        var authority: [UInt8]?
        var upgrade: [UInt8]?
        var fields: [[UInt8]]
    }

    private(set) var entries: [Entry] = []
    private(set) var error: HTTPError?
    /// Bytes that became events, if there was no error.
    private(set) var consumed = 0
    private let limits: HTTPLimits

    private init(limits: HTTPLimits) { self.limits = limits }

    /// Of a server's parser, which is given `step` bytes more at a time.
    static func requests(_ wire: [UInt8], step: Int, limits: HTTPLimits) -> Transcript {
        var transcript = Transcript(limits: limits)
        var parser = HTTPParser.requests(limits: limits)
        transcript.feed(&parser, wire, step: step, onEnd: { _ in })
        return transcript
    }

    /// Of a client's parser, which has asked with `methods` and in the end hears of the connection's end.
    static func responses(
        _ wire: [UInt8], to methods: [HTTPMethod], step: Int, limits: HTTPLimits
    ) -> Transcript {
        var transcript = Transcript(limits: limits)
        var parser = HTTPParser.responses(limits: limits)
        var methods = methods[...]
        if let first = methods.popFirst() { parser.expectResponse(to: first) }
        transcript.feed(&parser, wire, step: step) { parser in
            if let next = methods.popFirst() { parser.expectResponse(to: next) }
        }
        guard transcript.error == nil else { return transcript }
        do {
            if try parser.handleEndOfInput() { transcript.entries.append(.end) }
        } catch {
            transcript.error = error
        }
        return transcript
    }

    var heads: [Head] {
        entries.compactMap { entry -> Head? in
            if case .head(let head) = entry { head } else { nil }
        }
    }

    /// Of all messages.
    var body: [UInt8] {
        entries.flatMap { entry -> [UInt8] in
            if case .body(let bytes) = entry { bytes } else { [] }
        }
    }

    private mutating func feed(
        _ parser: inout HTTPParser, _ wire: [UInt8], step: Int, onEnd: (inout HTTPParser) -> Void
    ) {
        var fed = 0
        repeat {
            fed += min(step, wire.count - fed)
            do throws(HTTPError) {
                while let count = try take(from: &parser, wire.span.bytes.extracting(consumed..<fed), onEnd) {
                    require((0...(fed - consumed)).contains(count), "more was consumed than there was")
                    consumed += count
                }
            } catch {
                self.error = error
                consumed = 0  // Nobody goes on from there.
                do throws(HTTPError) {
                    _ = try parser.next(in: wire.span.bytes)
                    fatalError("an error is final")
                } catch { require(error == self.error, "an error is final") }
                return
            }
        } while fed < wire.count
    }

    /// Takes one event and notes it; nil for `.needMore`.
    private mutating func take(
        from parser: inout HTTPParser, _ bytes: RawSpan, _ onEnd: (inout HTTPParser) -> Void
    ) throws(HTTPError) -> Int? {
        switch try parser.next(in: bytes) {
        case .needMore:
            return nil
        case .head(let consumed):
            let head = parser.head
            require(consumed == head.byteCount && consumed <= limits.headBytes)
            entries.append(.head(describe(head, in: bytes.extracting(first: consumed))))
            return consumed
        case .body(let range, let consumed):
            require(!range.isEmpty && range.upperBound <= consumed)
            noteBody(bytes.array(in: range))
            return consumed
        case .trailers(let range, let consumed):
            require(range.count <= limits.trailerBytes && range.upperBound <= consumed)
            var fields = FieldIterator(range)
            var count = 0
            while fields.next(in: bytes) != nil { count += 1 }
            require((1...limits.fields).contains(count))
            entries.append(.trailers(bytes.array(in: range)))
            return consumed
        case .end(let consumed):
            entries.append(.end)
            onEnd(&parser)
            return consumed
        }
    }

    private mutating func noteBody(_ bytes: [UInt8]) {
        guard case .body(let before)? = entries.last else { return entries.append(.body(bytes)) }
        entries[entries.count - 1] = .body(before + bytes)
    }

    /// Traps when a range of `head` is not within its bytes.
    private func describe(_ head: MessageHead, in bytes: RawSpan) -> Head {
        var fields: [[UInt8]] = []
        head.forEachField(in: bytes) { name, value in fields += [bytes.array(in: name), bytes.array(in: value)] }
        require(fields.count == 2 * head.fieldCount && head.fieldCount <= limits.fields)
        require(head.target.count <= limits.targetBytes)
        return Head(
            method: bytes.array(in: head.methodName), target: bytes.array(in: head.target),
            path: bytes.array(in: head.path), query: head.query.map { bytes.array(in: $0) }, status: head.status,
            reason: bytes.array(in: head.reason), version: head.version, framing: head.framing,
            contentLength: head.contentLength, keepAlive: head.keepAlive, expectsContinue: head.expectContinue,
            authority: head.authority.map { bytes.array(in: $0) }, upgrade: head.upgrade.map { bytes.array(in: $0) },
            fields: fields)
    }
}

extension HTTPLimits {
    /// The usual ones, or such that a short input reaches each of them.
    static func chosen(by choice: UInt8) -> HTTPLimits {
        var limits = HTTPLimits()
        guard choice & 1 == 1 else { return limits }
        (limits.targetBytes, limits.headBytes, limits.fields) = (24, 160, 5)
        (limits.chunkLineBytes, limits.chunkExtensionBytes, limits.trailerBytes) = (12, 16, 40)
        return limits
    }
}
