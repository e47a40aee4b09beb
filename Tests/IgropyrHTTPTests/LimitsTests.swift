import IgropyrHTTP
import Testing

private func limits(_ change: (inout HTTPLimits) -> Void) -> HTTPLimits {
    var limits = HTTPLimits()
    change(&limits)
    return limits
}

private func expect(
    _ wire: String, _ limits: HTTPLimits, _ error: HTTPError?, sourceLocation: SourceLocation = #_sourceLocation
) {
    for step in [wire.utf8.count, 7, 1] {
        let transcript = Transcript.requests(wire.bytes, step: step, limits: limits)
        #expect(transcript.error == error, "step \(step)", sourceLocation: sourceLocation)
        #expect(error != nil || transcript.lines.last == "end", "step \(step)", sourceLocation: sourceLocation)
    }
}

@Test func `a target may be as long as the limit and no longer, whatever follows`() {
    let limits = limits { $0.targetBytes = 20 }
    let target = "/" + String(repeating: "a", count: 19)
    expect("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", limits, nil)
    expect("GET \(target)a HTTP/1.1\r\nHost: a\r\n\r\n", limits, .targetTooLong)
    expect("GET \(target)aaaaaaaaaa\u{0}", limits, .targetTooLong)
    #expect(HTTPError.targetTooLong.status == 414)
}

@Test func `a head may be as long as the limit and no longer, also if it never ends`() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nX: 1234567890\r\n\r\n"
    expect(head, limits { $0.headBytes = head.utf8.count }, nil)
    expect(head, limits { $0.headBytes = head.utf8.count - 1 }, .headTooLong)
    expect(
        String(decoding: head.utf8.dropLast(5), as: UTF8.self), limits { $0.headBytes = head.utf8.count - 5 },
        .headTooLong)
    expect("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 41_000), HTTPLimits(), .headTooLong)
    #expect(HTTPError.headTooLong.status == 431)
}

@Test func `a head may have as many fields as the limit and no more`() {
    let start = "GET / HTTP/1.1\r\nHost: a\r\n"
    expect(start + String(repeating: "X: 1\r\n", count: 127) + "\r\n", HTTPLimits(), nil)
    expect(start + String(repeating: "X: 1\r\n", count: 128) + "\r\n", HTTPLimits(), .tooManyFields)
}

@Test func `no setting lets in so many fields that swift-http-types traps`() {
    let boundless = limits {
        $0.fields = .max; $0.headBytes = .max; $0.targetBytes = .max
    }
    let wire = "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X:\r\n", count: 65_535) + "\r\n"
    #expect(Transcript.requests(wire.bytes, step: wire.utf8.count, limits: boundless).error == .tooManyFields)
}

@Test func `limits of nothing or less refuse everything without a trap`() {
    let nothing = limits {
        $0.fields = -1; $0.headBytes = -1; $0.targetBytes = .min; $0.chunkLineBytes = -1
        $0.chunkExtensionBytes = .min; $0.trailerBytes = .min
    }
    expect("GET / HTTP/1.1\r\nHost: a\r\n\r\n", nothing, .headTooLong)
}

@Test func `chunk lines, extensions and trailers are bounded`() {
    let start = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    let limits = limits {
        $0.chunkLineBytes = 10; $0.chunkExtensionBytes = 12; $0.trailerBytes = 10
    }
    expect(start + "1;abcdef\r\na\r\n0\r\n\r\n", limits, nil)
    expect(start + "1;abcdefg\r\na\r\n0\r\n\r\n", limits, .chunkLineTooLong)
    expect(start + "00000000001", limits, .chunkLineTooLong)
    expect(start + "1;abcd\r\na\r\n1;abcd\r\na\r\n0;a\r\n\r\n", limits, nil)
    expect(start + "1;abcd\r\na\r\n1;abcd\r\na\r\n0;ab\r\n\r\n", limits, .tooManyChunkExtensions)
    expect(start + "0\r\nX: 1234\r\n\r\n", limits, .trailersTooLong)
    expect(start + "0\r\nX: 123\r\n\r\n", limits, nil)
}

@Test func `trailers may have as many fields as a head`() {
    let start = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    expect(start + "X:\r\nX:\r\n\r\n", limits { $0.fields = 2 }, nil)
    expect(start + "X:\r\nX:\r\nX:\r\n\r\n", limits { $0.fields = 2 }, .tooManyFields)
}

@Test(.timeLimit(.minutes(5))) func `a long head that comes byte by byte is scanned once`() throws {
    let value = String(repeating: "x", count: 200_000)
    for wire in ["GET / HTTP/1.1\r\nHost: a\r\nX: \(value)\r\n\r\n", "GET /\(value) HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let bytes = wire.bytes
        var parser = HTTPParser.requests(
            limits: limits {
                $0.headBytes = 1 << 20; $0.targetBytes = 1 << 20
            })
        for count in 0..<bytes.count {
            guard case .needMore = try parser.next(in: bytes.span.bytes.extracting(0..<count)) else {
                Issue.record("an event after \(count) bytes")
                return
            }
        }
        guard case .head = try parser.next(in: bytes.span.bytes) else { throw NoHead() }
        #expect(parser.head.byteCount == bytes.count)
    }
}
