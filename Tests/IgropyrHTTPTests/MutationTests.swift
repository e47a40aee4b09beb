import IgropyrHTTP
import TestSupport
import Testing

private let requests = [
    "GET /a/b?c=d HTTP/1.1\r\nHost: example.org:80\r\nConnection: keep-alive, x\r\nX: y\r\n\r\n",
    "POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n1\r\n!\r\n0\r\nX-T: 1\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
]

private let responses = [
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 304 N\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\nHTTP/1.0 500 E\r\n\r\nrest",
]

private let pieces = [
    "\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", ";", "%", "#", "0", "5", "f", "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "0\r\n\r\n", "chunked", "HTTP/1.1", "HTTP/1.0",
    "Connection: close\r\n",
    "99999999999999999999", "ffffffffffffffff",
]

private func mutate(_ message: [UInt8], using generator: inout SplitMix) -> [UInt8] {
    var message = message
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0...message.count, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: message.insert(contentsOf: pieces.randomElement(using: &generator)!.bytes, at: place)
        case 1: message.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        case 2 where place < message.count: message[place] = UInt8.random(in: 0...255, using: &generator)
        case 3: message.removeSubrange(place..<min(message.count, place + Int.random(in: 1...3, using: &generator)))
        default: message += message[place..<min(message.count, place + 20)]
        }
    }
    return message
}

@Test(arguments: 0..<8) func `damaged messages end in the same events or the same error however they are cut`(
    seed: UInt64
) {
    var generator = SplitMix(seed: seed)
    var errors: Set<HTTPError> = []
    var accepted = 0
    for round in 0..<1000 {
        let isResponse = round % 3 == 0
        let message = mutate(
            (isResponse ? responses : requests).randomElement(using: &generator)!.bytes, using: &generator)
        let step = Int.random(in: 2...30, using: &generator)
        let transcripts = [message.count, 1, step].map { step in
            isResponse
                ? Transcript.responses(message, to: [.get, .head], step: max(step, 1), isClosed: true)
                : Transcript.requests(message, step: max(step, 1))
        }
        #expect(transcripts[0] == transcripts[1], "seed \(seed), round \(round): \(message)")
        #expect(transcripts[0] == transcripts[2], "seed \(seed), round \(round), step \(step): \(message)")
        if let error = transcripts[0].error { errors.insert(error) } else { accepted += 1 }
    }
    // The damage reaches many rules, and does not only break things.
    #expect(errors.count > 20 && accepted > 50, "\(errors.count) kinds of error, \(accepted) accepted")
}

@Test(arguments: 0..<4) func `noise never ends in a trap`(seed: UInt64) {
    var generator = SplitMix(seed: seed ^ 0xABCD)
    let alphabet = Array("\r\n\t :/GETHP1.05,;=%\0\u{7F}a[]".utf8) + [0xFF]
    for _ in 0..<1000 {
        let noise = (0..<Int.random(in: 1...60, using: &generator)).map { _ in
            alphabet.randomElement(using: &generator)!
        }
        #expect(Transcript.requests(noise, step: noise.count) == Transcript.requests(noise, step: 1))
        let range = 0..<noise.count
        _ = try? PathSegments.decode(range, in: noise.span.bytes)
        _ = try? QueryPair.parse(range, in: noise.span.bytes)
        _ = HTTPDate(String(decoding: noise, as: UTF8.self))
        var iterator = FieldIterator(range)
        while iterator.next(in: noise.span.bytes) != nil {}
    }
}
