import IgropyrHTTP
import Testing

private let pseudo: [(String, String)] = [
    (":method", "GET"), (":scheme", "https"), (":authority", "a.example"), (":path", "/"),
]

/// What becomes of a request's fields: the head with the bytes that it counts from.
private func head(
    _ fields: [(String, String)], endsStream: Bool = true, limits: HTTPLimits = HTTPLimits()
) -> Result<(MessageHead, [UInt8]), HTTPError> {
    var request = HTTP2RequestHead(limits: limits)
    request.begin()
    for (name, value) in fields {
        let (name, value) = (Array(name.utf8), Array(value.utf8))
        request.append(name: name.span.bytes, value: value.span.bytes)
    }
    do throws(HTTPError) {
        return .success((try request.finish(endsStream: endsStream), request.bytes))
    } catch {
        return .failure(error)
    }
}

private func error(
    _ fields: [(String, String)], endsStream: Bool = true, limits: HTTPLimits = HTTPLimits()
) -> HTTPError? {
    if case .failure(let error) = head(fields, endsStream: endsStream, limits: limits) { error } else { nil }
}

@Suite struct HTTP2HeadTests {
    @Test func `a request reads like one of HTTP 1`() throws {
        let fields = pseudo.dropLast() + [(":path", "/a/b?c=d"), ("accept", "*/*"), ("x-empty", "")]
        let (head, bytes) = try head(Array(fields)).get()
        let text = bytes.span.bytes
        #expect(head.version == .http2)
        #expect(head.method == .get)
        #expect(text.string(in: head.methodName) == "GET")
        #expect(text.string(in: head.target) == "/a/b?c=d")
        #expect(text.string(in: head.path) == "/a/b")
        #expect(head.query.map { text.string(in: $0) } == "c=d")
        #expect(head.authority.map { text.string(in: $0) } == "a.example")
        #expect(text.string(in: head.fields) == "host: a.example\r\naccept: */*\r\nx-empty: \r\n")
        #expect(head.byteCount == bytes.count)
        #expect(head.value(of: "Accept", in: text).map { text.string(in: $0) } == "*/*")
    }

    @Test func `the crumbs of a cookie are joined`() throws {
        let (head, bytes) = try head(pseudo + [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")])
            .get()
        #expect(bytes.span.bytes.string(in: head.fields) == "host: a.example\r\nx: y\r\ncookie: a=1; b=2; c=3\r\n")
    }

    private static let framings: [(fields: [(String, String)], endsStream: Bool, framing: MessageHead.Framing?)] = [
        ([], true, MessageHead.Framing.none),
        ([], false, .chunked),
        ([("content-length", "3")], false, .length(3)),
        ([("content-length", "0")], true, .length(0)),
        ([("content-length", "3")], true, nil),
    ]

    @Test(arguments: framings) func `frames and the announced length tell the framing`(
        row: (fields: [(String, String)], endsStream: Bool, framing: MessageHead.Framing?)
    ) {
        let head = try? head(pseudo + row.fields, endsStream: row.endsStream).get().0
        #expect(head?.framing == row.framing)
    }

    private static let malformed: [(fields: [(String, String)], error: HTTPError?)] = [
        (pseudo, nil),
        // Pseudo-fields (RFC 9113 §8.3).
        (Array(pseudo.dropFirst()), .invalidPseudoField),
        (pseudo.filter { $0.0 != ":scheme" }, .invalidPseudoField),
        (Array(pseudo.dropLast()), .invalidPseudoField),
        (pseudo + [(":path", "/")], .invalidPseudoField),
        (pseudo + [(":method", "GET")], .invalidPseudoField),
        (pseudo + [(":authority", "a.example")], .invalidPseudoField),
        (pseudo + [(":scheme", "http")], .invalidPseudoField),
        (pseudo + [(":status", "200")], .invalidPseudoField),
        (pseudo + [(":protocol", "websocket")], .invalidPseudoField),
        (pseudo + [(":", "x")], .invalidPseudoField),
        (pseudo.dropLast() + [("a", "b"), (":path", "/")], .invalidPseudoField),
        (pseudo.dropLast() + [(":path", "")], .invalidPseudoField),
        (pseudo.dropLast() + [(":path", "a")], .invalidTarget),
        (pseudo.dropLast() + [(":path", "*")], .invalidTarget),
        (pseudo.dropLast() + [(":path", "/a b")], .invalidTarget),
        (pseudo.dropLast() + [(":path", "/a#b")], .invalidTarget),
        (pseudo.dropLast() + [(":path", "http://a.example/")], .invalidTarget),
        ([(":method", "G T")] + pseudo.dropFirst(), .invalidMethod),
        ([(":method", String(repeating: "A", count: 33))] + pseudo.dropFirst(), .methodTooLong),
        ([(":method", "OPTIONS")] + pseudo.dropFirst().dropLast() + [(":path", "*")], nil),
        ([(":method", "CONNECT"), (":authority", "a.example:443")], nil),
        ([(":method", "CONNECT"), (":authority", "a.example")], .invalidTarget),
        ([(":method", "CONNECT")] + pseudo.dropFirst(), .invalidPseudoField),
        // Who is meant (§8.3.1).
        (pseudo.filter { $0.0 != ":authority" }, .missingHost),
        (pseudo.filter { $0.0 != ":authority" } + [("host", "b.example")], nil),
        (pseudo.filter { $0.0 != ":authority" } + [("host", "a"), ("host", "a")], .duplicateHost),
        (pseudo + [("host", "A.example")], nil),
        (pseudo + [("host", "b.example")], .invalidHost),
        (pseudo.filter { $0.0 != ":authority" } + [("host", "")], .invalidHost),
        (pseudo.map { $0.0 == ":authority" ? ($0.0, "user@a.example") : $0 }, .invalidHost),
        // Fields (§8.2).
        (pseudo + [("Accept", "x")], .invalidFieldName),
        (pseudo + [("", "x")], .invalidFieldName),
        (pseudo + [("a b", "x")], .invalidFieldName),
        (pseudo + [("a:", "x")], .invalidFieldName),
        (pseudo + [("a", "x\r\ny: z")], .controlCharacter),
        (pseudo + [("a", "x\u{0}")], .controlCharacter),
        (pseudo + [("a", " x")], .controlCharacter),
        (pseudo + [("a", "x\t")], .controlCharacter),
        (pseudo + [("connection", "close")], .connectionSpecificField),
        (pseudo + [("keep-alive", "1")], .connectionSpecificField),
        (pseudo + [("proxy-connection", "close")], .connectionSpecificField),
        (pseudo + [("transfer-encoding", "chunked")], .connectionSpecificField),
        (pseudo + [("upgrade", "h2c")], .connectionSpecificField),
        (pseudo + [("te", "gzip")], .connectionSpecificField),
        (pseudo + [("te", "trailers")], nil),
        (pseudo + [("content-length", "1"), ("content-length", "1")], .duplicateContentLength),
        (pseudo + [("content-length", "+1")], .invalidContentLength),
        (pseudo + [("expect", "x")], .unsupportedExpectation),
    ]

    @Test(arguments: malformed) func `what breaks a rule is refused`(
        row: (fields: [(String, String)], error: HTTPError?)
    ) {
        #expect(error(row.fields) == row.error)
    }

    private static let sizes: [(fields: [(String, String)], error: HTTPError?)] = [
        (pseudo + [("a", "b"), ("c", "d")], nil),
        (pseudo + [("a", "b"), ("c", "d"), ("e", "f")], .tooManyFields),
        (pseudo + [("a", String(repeating: "b", count: 200))], .headTooLong),
        (
            pseudo + [("cookie", String(repeating: "b", count: 90)), ("cookie", String(repeating: "b", count: 90))],
            .headTooLong
        ),
        (pseudo.dropLast() + [(":path", "/" + String(repeating: "b", count: 50))], .targetTooLong),
        (pseudo.dropLast() + [(":path", "/" + String(repeating: "b", count: 49))], nil),
    ]

    @Test(arguments: sizes) func `limits hold`(row: (fields: [(String, String)], error: HTTPError?)) {
        var limits = HTTPLimits()
        limits.headBytes = 200
        limits.targetBytes = 50
        limits.fields = 3
        #expect(error(row.fields, limits: limits) == row.error)
    }

    @Test func `a head leaves nothing to the next one`() throws {
        var request = HTTP2RequestHead()
        for path in ["/first", "/second"] {
            request.begin()
            for (name, value) in pseudo.dropLast() + [(":path", path), ("cookie", path), ("content-length", "1")] {
                let (name, value) = (Array(name.utf8), Array(value.utf8))
                request.append(name: name.span.bytes, value: value.span.bytes)
            }
            let head = try request.finish(endsStream: false)
            let text = request.bytes.span.bytes
            #expect(text.string(in: head.path) == path)
            #expect(head.value(of: "cookie", in: text).map { text.string(in: $0) } == path)
        }
    }

    private static let responses:
        [(fields: [(String, String)], method: HTTPMethod, endsStream: Bool, framing: MessageHead.Framing?)] = [
            ([(":status", "200")], .get, false, .chunked),
            ([(":status", "200"), ("content-length", "3")], .get, false, .length(3)),
            ([(":status", "200"), ("content-length", "3")], .head, true, MessageHead.Framing.none),
            ([(":status", "304"), ("content-length", "3")], .get, true, MessageHead.Framing.none),
            ([(":status", "103"), ("link", "</a>")], .get, false, MessageHead.Framing.none),
            ([(":status", "103")], .get, true, nil),
            ([(":status", "101")], .get, false, nil),
            ([(":status", "99")], .get, false, nil),
            ([(":status", "2x0")], .get, false, nil),
            ([(":status", "200"), (":status", "200")], .get, false, nil),
            ([("a", "b"), (":status", "200")], .get, false, nil),
            ([("a", "b")], .get, false, nil),
            ([(":status", "200"), (":path", "/")], .get, false, nil),
            ([(":status", "200"), ("Upper", "b")], .get, false, nil),
            ([(":status", "200"), ("connection", "close")], .get, false, nil),
            ([(":status", "200"), ("transfer-encoding", "chunked")], .get, false, nil),
            ([(":status", "200"), ("content-length", "1"), ("content-length", "1")], .get, false, nil),
            ([(":status", "200"), ("a", "b\r\nc: d")], .get, false, nil),
        ]

    @Test(arguments: responses.indices) func `a response is judged as a whole`(row: Int) {
        let (fields, method, endsStream, framing) = Self.responses[row]
        var response = HTTP2ResponseHead()
        for _ in 0..<2 {  // What the last one was is forgotten.
            response.begin()
            for (name, value) in fields {
                let (name, value) = (Array(name.utf8), Array(value.utf8))
                response.append(name: name.span.bytes, value: value.span.bytes)
            }
            let head = try? response.finish(answering: method, endsStream: endsStream)
            #expect(head?.framing == framing)
            guard let head else { continue }
            #expect("\(head.status)" == fields[0].1 && head.version == .http2 && head.byteCount == response.bytes.count)
            let lines = fields.dropFirst().map { "\($0.0): \($0.1)\r\n" }.joined()
            let bytes = response.bytes
            #expect(bytes.span.bytes.string(in: head.fields) == lines)
        }
    }

    @Test func `a request goes out as HTTP 1 has it written`() throws {
        let text = Array(
            "POST /a?b=c HTTP/1.1\r\nX-A: 1\r\nHost: a.example:81\r\nConnection: TE\r\nTE: trailers\r\n".utf8)
        var block = HTTP2FieldBlock()
        for _ in 0..<2 { try block.begin(request: text.span.bytes, isEncrypted: true) }
        let bytes = block.bytes
        let fields = block.fields.map {
            "\(bytes.span.bytes.string(in: $0.name))=\(bytes.span.bytes.string(in: $0.value))"
        }
        #expect(
            fields == [
                ":method=POST", ":scheme=https", ":path=/a?b=c", ":authority=a.example:81", "x-a=1", "te=trailers",
            ])
        for part in ["", "GET", "GET /", "GET / HTTP/1.1"] {
            let text = Array(part.utf8)
            #expect(throws: HTTPSerializer.Failure.self) {
                try block.begin(request: text.span.bytes, isEncrypted: false)
            }
        }
    }

    @Test func `a response's fields are in lower case, without those of a connection`() throws {
        var head = HTTP2FieldBlock()
        try head.begin(status: 204)
        head.appendDate(HTTPDate(seconds: 0))
        try head.appendField("X-Some", "Value")
        try head.appendField("Connection", "close")
        try head.appendField("Transfer-Encoding", "chunked")
        head.appendContentLength(1020)
        let bytes = head.bytes
        let text = bytes.span.bytes
        let fields = head.fields.map { "\(text.string(in: $0.name))=\(text.string(in: $0.value))" }
        #expect(
            fields == [
                ":status=204", "date=Thu, 01 Jan 1970 00:00:00 GMT", "x-some=Value", "content-length=1020",
            ])
        #expect(throws: HTTPSerializer.Failure.invalidFieldName) { try head.appendField(":path", "x") }
        #expect(throws: HTTPSerializer.Failure.invalidFieldValue) { try head.appendField("a", "x\r\ny") }
        #expect(throws: HTTPSerializer.Failure.invalidStatus) { try head.begin(status: 99) }
    }
}
