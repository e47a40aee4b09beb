import HTTPTypes
import IgropyrHTTP
import Testing

private func text(_ serializer: HTTPSerializer) -> String { String(decoding: serializer.bytes, as: UTF8.self) }

@Test func `a response reads back as it was written`() throws {
    var out = HTTPSerializer()
    try out.beginResponse(status: 200)
    out.appendDate(HTTPDate(seconds: 784_111_777))
    try out.appendField("X-A", "caf\u{e9}")
    out.appendField("Age", 0)
    out.appendFraming(.length(3))
    out.endHead()
    out.appendBody("abc".bytes.span.bytes)
    #expect(
        text(out)
            == "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-A: caf\u{e9}\r\nAge: 0\r\nContent-Length: 3\r\n\r\nabc"
    )
    #expect(Transcript.responses(out.bytes, step: 1).lines.suffix(2) == ["body abc", "end"])
}

@Test func `a chunked request reads back as it was written, trailers too`() throws {
    var out = HTTPSerializer()
    try out.beginRequest(.post, target: "/a?b")
    try out.appendField(name: "Host".bytes.span.bytes, value: "h".bytes.span.bytes)
    out.appendFraming(.chunked)
    out.endHead()
    out.appendChunk(String(repeating: "x", count: 26).bytes.span.bytes)
    out.appendChunk([UInt8]().span.bytes)
    out.appendChunk(String(repeating: "y", count: 4096).bytes.span.bytes)
    var trailers = TrailerFields()
    try trailers.append("X-Sum", "1")
    out.endChunks(trailers)
    out.beginRequest(checkedMethod: "BREW".bytes.span.bytes, target: "/".bytes.span.bytes)
    try out.appendField("Host", "h")
    out.appendFraming(.chunked)
    out.endHead()
    out.endChunks()
    let transcript = Transcript.requests(out.bytes, step: 100)
    #expect(
        transcript.lines == [
            "post /a?b http11 chunked keep @h Host=h Transfer-Encoding=chunked",
            "body " + String(repeating: "x", count: 26) + String(repeating: "y", count: 4096),
            "trailers \"X-Sum: 1\\r\\n\"", "end", "other / http11 chunked keep @h Host=h Transfer-Encoding=chunked",
            "end",
        ])
    #expect(text(out).contains("\r\n1a\r\nxx") && text(out).contains("\r\n1000\r\nyy"))
}

@Test func `every status from 100 to 999 reads back, others are refused`() throws {
    for status in 100...999 {
        var out = HTTPSerializer()
        try out.beginResponse(status: status)
        out.appendFraming(.length(0))
        out.endHead()
        let head = try head(of: out.bytes, answering: .get)
        #expect(head.status == status && head.byteCount == out.count)
    }
    for status in [Int.min, -1, 0, 99, 1000, .max] {
        var out = HTTPSerializer()
        #expect(throws: HTTPSerializer.Failure.invalidStatus) { try out.beginResponse(status: status) }
        #expect(out.count == 0)
    }
}

@Test(arguments: [UInt64(0), 9, 10, 99, 100, 1_234_567_890, UInt64(Int64.max), .max])
func `numbers are written in full`(number: UInt64) {
    var out = HTTPSerializer()
    out.appendField("N", number)
    #expect(text(out) == "N: \(number)\r\n")
}

@Test(arguments: ["a\r\nSet-Cookie: b", "a\n", "\ra", "a\0", "a\u{7F}", " a", "a ", "\ta", "1234567890\u{1}"])
func `a value that would leave its line is refused and leaves nothing`(value: String) throws {
    var out = HTTPSerializer()
    #expect(throws: HTTPSerializer.Failure.invalidFieldValue) { try out.appendField("X", value) }
    #expect(throws: HTTPSerializer.Failure.invalidFieldValue) {
        try out.appendField(name: "X".bytes.span.bytes, value: value.bytes.span.bytes)
    }
    #expect(out.count == 0)
}

@Test(arguments: ["", "a b", "a:", "a\r\n", "\u{e9}", "a\0"])
func `a name that is no token is refused`(name: String) throws {
    var out = HTTPSerializer()
    #expect(throws: HTTPSerializer.Failure.invalidFieldName) { try out.appendField(name, "a") }
    #expect(throws: HTTPSerializer.Failure.invalidFieldName) {
        try out.appendField(name: name.bytes.span.bytes, value: "a".bytes.span.bytes)
    }
    #expect(out.count == 0)
}

@Test(arguments: ["", "/a b", "/\r\n", "/#", "/\u{e9}", "/1234567890\u{7F}"])
func `a target that would leave its line is refused`(target: String) throws {
    var out = HTTPSerializer()
    #expect(throws: HTTPSerializer.Failure.invalidTarget) { try out.beginRequest(.get, target: target) }
    #expect(out.count == 0)
}

@Test func `what was written of a message can be taken back`() throws {
    var out = HTTPSerializer()
    out.appendField("A", 1)
    let mark = out.count
    try out.beginResponse(status: 200)
    out.truncate(to: mark)
    out.truncate(to: 1000)
    #expect(text(out) == "A: 1\r\n")
    out.removeAll()
    #expect(out.count == 0 && out.hasMemory)
}

@Test func `the fields of swift-http-types keep every byte`() throws {
    let wire = "GET / HTTP/1.1\r\nHost: a\r\nX-A: \u{e9}\r\nx-a: 2\r\n\r\n".unicodeScalars.map { UInt8($0.value) }
    let fields = try head(of: wire).httpFields(in: wire.span.bytes)
    #expect(fields.map(\.name.rawName) == ["Host", "X-A", "x-a"])
    #expect(fields.map { $0.withUnsafeBytesOfValue { Array($0) } } == [Array("a".utf8), [0xE9], Array("2".utf8)])
}
