import IgropyrHTTP

/// The body of a request of unknown length: choice of limits, step, bytes behind the head.
enum ChunkedTarget: FuzzTarget {
    static let name = "chunked"
    private static let head = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let limits = HTTPLimits.chosen(by: input.byte())
        let steps = input.steps()
        let wire = head + input.rest
        guard let transcript = steps.agree(on: { Transcript.requests(wire, step: $0, limits: limits) }),
            transcript.entries.contains(.end), transcript.heads.count == 1
        else { return }
        let again = Transcript.requests(write(transcript.body), step: .max, limits: HTTPLimits())
        require(again.error == nil && again.body == transcript.body, "a body is not the same when passed on")
    }

    /// In chunks of odd sizes.
    private static func write(_ body: [UInt8]) -> [UInt8] {
        var serializer = HTTPSerializer()
        for start in stride(from: 0, to: body.count, by: 37) {
            serializer.appendChunk(body.span.bytes.extracting(start..<min(body.count, start + 37)))
        }
        serializer.endChunks()
        return head + serializer.bytes
    }
}
