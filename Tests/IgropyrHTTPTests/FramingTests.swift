import IgropyrHTTP
import Testing

private let post = "POST / HTTP/1.1\r\nHost: a\r\n"
private let chunked = post + "Transfer-Encoding: chunked\r\n\r\n"

/// The bodies that follow a POST, or the error in its framing: the smuggling corpus.
private let bodies: [(wire: String, lines: [String], error: HTTPError?)] = [
    (post + "Content-Length: 5\r\n\r\nhello", ["body hello", "end"], nil),
    (post + "Content-Length: 007\r\n\r\nhello w", ["body hello w", "end"], nil),
    (post + "Content-Length: 5\r\n\r\nhel", ["body hel"], nil),

    // Content-Length.
    (post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", [], .duplicateContentLength),
    (post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", [], .duplicateContentLength),
    (post + "Content-Length: 3, 3\r\n\r\nabc", [], .invalidContentLength),
    (post + "Content-Length: +3\r\n\r\nabc", [], .invalidContentLength),
    (post + "Content-Length: -3\r\n\r\nabc", [], .invalidContentLength),
    (post + "Content-Length: 3 3\r\n\r\nabc", [], .invalidContentLength),
    (post + "Content-Length: 0x3\r\n\r\nabc", [], .invalidContentLength),
    (post + "Content-Length: 1_0\r\n\r\nabc", [], .invalidContentLength),
    (post + "Content-Length:\r\n\r\nabc", [], .invalidContentLength),
    (post + "Content-Length: \u{665}\r\n\r\nabc", [], .invalidContentLength),
    (post + "Content-Length: 9223372036854775808\r\n\r\n", [], .contentLengthTooLarge),
    (post + "Content-Length: 99999999999999999999999\r\n\r\n", [], .contentLengthTooLarge),
    (post + "Content-Length: 9999999999999999999999x\r\n\r\n", [], .invalidContentLength),
    (post + "Content-Length : 3\r\n\r\nabc", [], .spaceBeforeColon),
    (post + "Content_Length: 3\r\n\r\n", ["end"], nil),

    // Transfer-Encoding.
    (post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [], .ambiguousLength),
    (post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", [], .ambiguousLength),
    (post + "Transfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\n", [], .ambiguousLength),
    (post + "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", ["end"], nil),
    (post + "Transfer-Encoding: xchunked\r\n\r\n", [], .unsupportedTransferCoding),
    (post + "Transfer-Encoding: gzip, chunked\r\n\r\n", [], .unsupportedTransferCoding),
    (post + "Transfer-Encoding: identity\r\n\r\n", [], .unsupportedTransferCoding),
    (post + "Transfer-Encoding: chunked, gzip\r\n\r\n", [], .misplacedChunked),
    (post + "Transfer-Encoding: chunked, chunked\r\n\r\n", [], .misplacedChunked),
    (post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", [], .misplacedChunked),
    (post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", [], .misplacedChunked),
    (post + "X: \rxTransfer-Encoding: chunked\r\n\r\n1\r\n", [], .bareCarriageReturn),  // llhttp's CVE-2023-30589.
    (post + "Transfer-Encoding: chunked;q=1\r\n\r\n", [], .invalidTransferEncoding),
    (post + "Transfer-Encoding: \"chunked\"\r\n\r\n", [], .invalidTransferEncoding),
    (post + "Transfer-Encoding: chunked,\r\n\r\n", [], .invalidTransferEncoding),
    (post + "Transfer-Encoding:\r\n\r\n", [], .invalidTransferEncoding),
    (post + "Transfer-Encoding: \u{B}chunked\r\n\r\n", [], .controlCharacter),
    (post + "Transfer-Encoding: chunked\r\n , x\r\n\r\n", [], .lineFolding),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", [], .transferEncodingInHTTP10),

    // Chunks.
    (chunked + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", ["body hello world", "end"], nil),
    (chunked + "00A\r\n0123456789\r\n000\r\n\r\n", ["body 0123456789", "end"], nil),
    (chunked + "3;a;b=c;d=\"e;\\\"f\"\r\nabc\r\n0;z\r\n\r\n", ["body abc", "end"], nil),
    (chunked + "\r\n", [], .invalidChunkSize),
    (chunked + ";a\r\n", [], .invalidChunkSize),
    (chunked + "0x3\r\nabc\r\n", [], .invalidChunkSize),
    (chunked + "+3\r\nabc\r\n", [], .invalidChunkSize),
    (chunked + " 3\r\nabc\r\n", [], .invalidChunkSize),
    (chunked + "3 \r\nabc\r\n", [], .invalidChunkSize),
    (chunked + "3 ;a\r\nabc\r\n", [], .invalidChunkSize),
    (chunked + "g\r\n", [], .invalidChunkSize),
    (chunked + "3\nabc\r\n", [], .bareLineFeed),
    (chunked + "3\rabc\r\n", [], .invalidChunkSize),
    (chunked + "8000000000000000\r\n", [], .chunkSizeTooLarge),
    (chunked + "10000000000000003\r\nabc\r\n", [], .chunkSizeTooLarge),
    (chunked + "3;\r\nabc\r\n", [], .invalidChunkExtension),
    (chunked + "3;a=\r\nabc\r\n", [], .invalidChunkExtension),
    (chunked + "3;a=\"b\r\nabc\r\n", [], .invalidChunkExtension),
    (chunked + "3;a=\"b\\\"\r\nabc\r\n", [], .invalidChunkExtension),
    (chunked + "3;a b\r\nabc\r\n", [], .invalidChunkExtension),
    (chunked + "3;a=\"\u{1}\"\r\nabc\r\n", [], .invalidChunkExtension),
    (chunked + "3;a\rb\r\nabc\r\n", [], .invalidChunkExtension),
    (chunked + "2;\nxx\r\nab\r\n", [], .bareLineFeed),  // Kestrel's CVE-2025-55315.
    (chunked + "2;a=\"\n\"\r\nab\r\n", [], .bareLineFeed),
    (chunked + "3\r\nabcd\r\n", ["body abc"], .invalidChunkEnd),
    (chunked + "3\r\nabc\n0\r\n\r\n", ["body abc"], .invalidChunkEnd),
    (chunked + "3\r\nabc\rx", ["body abc"], .invalidChunkEnd),
    (chunked + "3\r\nabc0\r\n\r\n", ["body abc"], .invalidChunkEnd),

    // Trailers.
    (chunked + "0\r\nX: 1\r\nY: 2\r\n\r\n", ["trailers \"X: 1\\r\\nY: 2\\r\\n\"", "end"], nil),
    (chunked + "0\r\nX : 1\r\n\r\n", [], .spaceBeforeColon),
    (chunked + "0\r\nX: 1\r\n 2\r\n\r\n", [], .lineFolding),
    (chunked + "0\r\nX: 1\n\r\n", [], .bareLineFeed),
    (chunked + "0\r\n\n", [], .bareLineFeed),
    (chunked + "0\r\nContent-Length: 3\r\n\r\n", [], .forbiddenTrailer),
    (chunked + "0\r\ntransfer-encoding: chunked\r\n\r\n", [], .forbiddenTrailer),
    (chunked + "0\r\nHost: b\r\n\r\n", [], .forbiddenTrailer),
    (chunked + "0\r\nX: 1\r\nSet-Cookie: b\r\n\r\n", [], .forbiddenTrailer),

    // What follows is the next message, and nothing else.
    (chunked + "0\r\n\r\nGET", ["end"], nil),
    (post + "Content-Length: 1\r\n\r\na\0", ["body a", "end"], .invalidMethod),
]

@Test(arguments: bodies)
func `a body is framed the same however it is cut`(wire: String, lines: [String], error: HTTPError?) {
    let bytes = wire.bytes
    for step in [bytes.count, 7, 3, 1] {
        let transcript = Transcript.requests(bytes, step: step)
        #expect(transcript.error == error, "step \(step): \(transcript)")
        #expect(Array(transcript.lines.dropFirst()) == lines, "step \(step)")
    }
}

@Test func `pipelined requests come one after the other`() {
    let wire =
        chunked + "2\r\nab\r\n0\r\n\r\n" + post + "Content-Length: 1\r\n\r\nc" + "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    for step in [wire.utf8.count, 7, 1] {
        let lines = Transcript.requests(wire.bytes, step: step).lines
        #expect(lines.filter { $0 == "end" }.count == 3)
        #expect(lines.filter { $0.hasPrefix("body") } == ["body ab", "body c"])
    }
}

@Test func `a request cut off by the end of input is truncated, silence between two is not`() throws {
    for (wire, isTruncated) in [("", false), ("GET", true), (chunked, true), (chunked + "0\r\n\r\n", false)] {
        var parser = HTTPParser.requests()
        var pending = wire.bytes
        loop: while true {
            switch try parser.next(in: pending.span.bytes) {
            case .needMore: break loop
            case .head(let consumed), .body(_, let consumed), .trailers(_, let consumed), .end(let consumed):
                pending.removeFirst(consumed)
            }
        }
        #expect(parser.isBetweenMessages == !isTruncated)
        if isTruncated {
            #expect(throws: HTTPError.truncated) { _ = try parser.handleEndOfInput() }
        } else {
            #expect(try parser.handleEndOfInput() == false)
        }
    }
}
