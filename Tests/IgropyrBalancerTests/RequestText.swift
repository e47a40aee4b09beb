import IgropyrHTTP

/// A request's head as the parser gives it; the text is without its `Host` and its end.
func withRequest<Result>(
    _ text: String, host: String = "test", _ body: (MessageHead, RawSpan) throws -> Result
) throws -> Result {
    var parser = HTTPParser.requests()
    let message = Array((text + "\r\nHost: \(host)\r\n\r\n").utf8)
    guard case .head = try parser.next(in: message.span.bytes) else { throw IncompleteRequest() }
    return try body(parser.head, message.span.bytes)
}

struct IncompleteRequest: Error {}
