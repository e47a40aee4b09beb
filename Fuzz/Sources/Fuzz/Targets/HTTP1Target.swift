import IgropyrHTTP

/// All that a client sends on a connection without TLS; a server answers with responses that can be read.
enum HTTP1Target: FuzzTarget {
    static let name = "http1"

    static func run(_ input: [UInt8]) {
        check(FuzzServer.shared.exchange(input), to: input)
    }

    /// Whether the answer to what a client sent can be read.
    static func check(_ answer: [UInt8], to input: [UInt8]) {
        guard !answer.starts(with: [0, 0]) else { return }  // HTTP/2: a SETTINGS frame.
        var parser = HTTPParser.responses()
        var consumed = 0
        var isExpecting = false
        while consumed < answer.count {
            // Which request it answers, this end does not know: one whose answer has the body that was announced.
            if !isExpecting { parser.expectResponse(to: .post) }
            isExpecting = true
            do {
                switch try parser.next(in: answer.span.bytes.extracting(droppingFirst: consumed)) {
                case .needMore: return  // Cut, or the answer to HEAD.
                case .head(let count), .body(_, let count), .trailers(_, let count): consumed += count
                case .end(let count):
                    consumed += count
                    isExpecting = false
                }
            } catch { return require(isAfterHead(input), "the answer cannot be read: \(error)") }
        }
    }

    /// An answer to HEAD has no body, so that this end loses its way.
    private static func isAfterHead(_ input: [UInt8]) -> Bool {
        String(decoding: input, as: UTF8.self).contains("HEAD ")
    }
}
