import IgropyrHTTP
import Testing

private let ok = "HTTP/1.1 200 OK\r\n"

private struct Row {
    var methods: [HTTPMethod] = [.get]
    let wire: String
    var isClosed = false
    var lines: [String] = []
    var error: HTTPError?
}

private let rows: [Row] = [
    // Status line.
    Row(
        wire: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
        lines: ["200 OK http11 length(2) keep Content-Length=2", "body ab", "end"]),
    Row(wire: "HTTP/1.1 204 \r\n\r\n", lines: ["204  http11 none keep", "end"]),
    Row(wire: "HTTP/1.1 204\r\n\r\n", lines: ["204  http11 none keep", "end"]),
    Row(wire: "HTTP/1.1 999 a\u{1}\r\n\r\n", error: .controlCharacter),
    Row(wire: "HTTP/1.1 20 OK\r\n\r\n", error: .invalidStatusLine),
    Row(wire: "HTTP/1.1 2000 OK\r\n\r\n", error: .invalidStatusLine),
    Row(wire: "HTTP/1.1 099 OK\r\n\r\n", error: .invalidStatusLine),
    Row(wire: "HTTP/1.1  200 OK\r\n\r\n", error: .invalidStatusLine),
    Row(wire: "HTTP/1.1\t200 OK\r\n\r\n", error: .invalidStatusLine),
    Row(wire: "HTTP/1.1 +20 OK\r\n\r\n", error: .invalidStatusLine),
    Row(wire: "HTTP/1.1 200 OK\n\r\n", error: .bareLineFeed),
    Row(wire: "HTTP/1.1 200\n\r\n", error: .bareLineFeed),
    Row(wire: "HTTP/1.1 200 OK\rX\r\n", error: .bareCarriageReturn),
    Row(wire: "HTTP/2.0 200 OK\r\n\r\n", error: .unsupportedVersion),
    Row(wire: "ICY 200 OK\r\n\r\n", error: .invalidVersion),
    Row(wire: "\r\nHTTP/1.1 200 OK\r\n\r\n", error: .unexpectedEmptyLine),

    // Which responses have a body.
    Row(
        methods: [.head], wire: ok + "Content-Length: 5\r\n\r\n",
        lines: ["200 OK http11 none keep Content-Length=5", "end"]),
    Row(
        methods: [.head], wire: ok + "Transfer-Encoding: chunked\r\n\r\n",
        lines: ["200 OK http11 none keep Transfer-Encoding=chunked", "end"]),
    Row(
        wire: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        lines: ["304 Not Modified http11 none keep Content-Length=5", "end"]),
    Row(wire: ok + "\r\nab", isClosed: true, lines: ["200 OK http11 untilClose", "body ab", "end"]),
    Row(wire: ok + "\r\n", isClosed: true, lines: ["200 OK http11 untilClose", "end"]),
    Row(
        wire: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", isClosed: true,
        lines: ["200 OK http10 untilClose Connection=keep-alive", "end"]),
    Row(
        wire: ok + "Content-Length: 5\r\n\r\nab", isClosed: true,
        lines: ["200 OK http11 length(5) keep Content-Length=5", "body ab"], error: .truncated),
    Row(
        wire: ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", isClosed: true,
        lines: ["200 OK http11 chunked keep Transfer-Encoding=chunked", "body ab"], error: .truncated),
    Row(wire: ok, isClosed: true, error: .truncated),
    Row(wire: "", isClosed: true, error: .truncated),
    Row(wire: ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", error: .ambiguousLength),
    Row(
        methods: [.head], wire: ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", error: .ambiguousLength),
    Row(wire: ok + "Transfer-Encoding: gzip\r\n\r\n", error: .unsupportedTransferCoding),
    Row(wire: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", error: .transferEncodingInHTTP10),

    // Interim responses, tunnels.
    Row(
        wire: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok
            + "Content-Length: 0\r\n\r\n",
        lines: [
            "100 Continue http11 none keep", "103 Early Hints http11 none keep Link=x",
            "200 OK http11 length(0) keep Content-Length=0", "end",
        ]),
    Row(
        wire: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw",
        lines: ["101 Switching Protocols http11 untilClose upgrade=x Upgrade=x Connection=upgrade", "body raw"]),
    Row(
        methods: [.connect], wire: ok + "Content-Length: 2\r\n\r\nraw",
        lines: ["200 OK http11 untilClose Content-Length=2", "body raw"]),
    Row(
        methods: [.connect], wire: "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nab",
        lines: ["403 No http11 length(2) keep Content-Length=2", "body ab", "end"]),

    // One response for each request, and none beside.
    Row(
        methods: [.get, .head], wire: "HTTP/1.1 204 A\r\n\r\nHTTP/1.1 200 B\r\nContent-Length: 9\r\n\r\n",
        isClosed: true,
        lines: ["204 A http11 none keep", "end", "200 B http11 none keep Content-Length=9", "end"]),
    Row(
        wire: "HTTP/1.1 204 A\r\n\r\nHTTP/1.1 200 B\r\n\r\n", lines: ["204 A http11 none keep", "end"],
        error: .unsolicitedResponse),
    Row(methods: [], wire: "H", error: .unsolicitedResponse),
]

@Test(arguments: rows.indices) func `a response is judged the same however it is cut`(index: Int) {
    let row = rows[index]
    for step in [max(row.wire.utf8.count, 1), 7, 1] {
        let transcript = Transcript.responses(row.wire.bytes, to: row.methods, step: step, isClosed: row.isClosed)
        #expect(
            transcript == Transcript(lines: row.lines, error: row.error), "step \(step) of \(row.wire.debugDescription)"
        )
    }
}

@Test func `a parser that failed stays failed`() {
    var parser = HTTPParser.requests()
    for wire in ["GET /#\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let bytes = wire.bytes
        #expect(throws: HTTPError.invalidTarget) { _ = try parser.next(in: bytes.span.bytes) }
    }
    #expect(throws: HTTPError.invalidTarget) { _ = try parser.handleEndOfInput() }
}
