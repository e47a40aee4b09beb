import IgropyrCoding
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

private let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/// Each comes in one piece, so that all of it is known before anything has gone to the client.
private let answers: [(wire: String, status: Int, body: String)] = [
    ("", 502, "the application did not answer as it should\n"),
    ("garbage\r\n\r\n", 502, "the application did not answer as it should\n"),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 502,
        "the application did not answer as it should\n"
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502,
        "the application did not answer as it should\n"
    ),
    (
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", 502,
        "the application did not answer as it should\n"
    ),
    ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 502, "the application did not answer as it should\n"),
    (chunked, 502, "the application did not answer as it should\n"),
    (chunked + "no size\r\n", 502, "the application did not answer as it should\n"),
    (chunked + "2\r\nok\r\nno size\r\n", 502, "the application did not answer as it should\n"),
    (chunked + "2\r\nok\r\n0\r\nno field\r\n\r\n", 502, "the application did not answer as it should\n"),
    (chunked + "2\r\nok\r\n0\r\n\r\n", 200, "ok"),
    ("HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"),
    ("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
    ("HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nok", 205, ""),
    ("HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 205, ""),
]

@Test(arguments: answers) func `a client gets a worker's answer, or 502 if it breaks HTTP`(
    wire: String, status: Int, body: String
) async throws {
    let worker = try ScriptedWorker()
    try await withBalancer(workers: 0) { fixture in
        fixture.use([worker.address])
        let client = try fixture.client()
        try client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        try worker.answer(wire)
        let answer = try client.readResponse()
        #expect(answer.status == status && answer.text == body && answer.isWhole)
    }
}

/// A frame of HTTP/2, all of whose bytes are below 128.
private func frame(_ kind: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> String {
    String(decoding: [0, 0, UInt8(payload.count), kind, flags, 0, 0, 0, stream] + payload, as: UTF8.self)
}

private let http2Head =
    frame(4) + frame(1, flags: 4, stream: 1, [0, 7] + Array(":status".utf8) + [3] + Array("200".utf8))
private let http2Reset = frame(3, stream: 1, [0, 0, 0, 2])

/// Each comes in one piece with the connection's end.
private let beginnings = [
    (isHTTP2: false, wire: "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3000\r\n\r\n"),
    (isHTTP2: true, wire: http2Head + http2Reset),
    (isHTTP2: true, wire: http2Head + frame(0, stream: 1, Array("begins".utf8)) + http2Reset),
]

@Test(arguments: ["GET", "POST"], beginnings)
func `a response of which nothing has left is taken back when the worker fails`(
    method: String, row: (isHTTP2: Bool, wire: String)
) async throws {
    let isHTTP2 = row.isHTTP2
    var connections = UpstreamConnection()
    connections.isHTTP2 = isHTTP2
    let kind = try connections.kind()
    let worker = try ScriptedWorker()
    let compression: (inout BalancerSettings) -> Void = {
        $0.application.connections = kind
        $0.application.compression = Compression()
    }
    try await withBalancer(workers: 1, compression) { fixture in
        fixture.use([worker.address, fixture.workers[0].address])
        let client = try fixture.client()
        let path = try fixture.path(ownedBy: worker.address, below: "/text/2000")
        let fields = "Host: a\r\nAccept-Encoding: gzip\r\nContent-Length: 2\r\n\r\n"
        try client.send("\(method) \(path) HTTP/1.1\r\n\(fields)")
        // More of the body comes while the head is held.
        try client.send("ab")
        try worker.answer(row.wire, after: isHTTP2 ? "" : "ab")
        let answer = try client.readResponse()
        #expect(answer.status == (method == "GET" ? 200 : 502) && answer.isWhole, "\(answer)")
        #expect(answer.values("Content-Encoding") == (method == "GET" ? ["gzip"] : []))
        #expect(await fixture.balancer.counters.truncated == 0)
    }
}

@Test func `a worker whose responses end too early is left alone as one that answers 502`() async throws {
    try await withBalancer(workers: 2, { $0.application.failuresInRow = 2 }) { fixture in
        for counts in [[0, 1], [0, 2], [1, 2]] {
            let answer = try fixture.get("/cut")
            #expect(!answer.isWhole)
            #expect(await [fixture.workers[0].requestCount, fixture.workers[1].requestCount].sorted() == counts)
        }
    }
}

@Test func `an answer that its client has enough of ends a row of failures`() async throws {
    let settings: (inout BalancerSettings) -> Void = {
        $0.application.failuresInRow = 2
        $0.application.hashKey = .header("X-Key")
    }
    try await withBalancer(workers: 2, settings) { fixture in
        for round in 1...3 {
            #expect(try !fixture.client().get("/cut", "X-Key: a\r\n").isWhole)
            do {
                let client = try fixture.client()
                try client.send("GET /event HTTP/1.1\r\nHost: test\r\nX-Key: a\r\n\r\n")
                _ = try client.read(until: Array("data: a".utf8))
                client.resetAtEnd()
            }
            try await eventually("its end is noticed") { await fixture.balancer.counters.clientAborts == round }
        }
        #expect(await [fixture.workers[0].requestCount, fixture.workers[1].requestCount].sorted() == [0, 6])
    }
}

@Test func `a request at the balancer's limits is within those of its workers`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let others = "GET /a HTTP/1.1\r\nHost: test\r\nY: \r\n\r\n".utf8.count
        for excess in 0...1 {
            let many = String(repeating: "X: y\r\n", count: 99 + excess)
            let long = "Y: \(String(repeating: "y", count: (32 << 10) - others + excess))\r\n"
            for fields in [many, long] {
                let answer = try fixture.client().get("/a", fields)
                #expect(answer.status == (excess == 0 ? 200 : 431))
            }
        }
    }
}

@Test func `what a worker sends behind its response is nobody's answer`() async throws {
    let worker = try ScriptedWorker()
    try await withBalancer(workers: 0) { fixture in
        fixture.use([worker.address])
        let client = try fixture.client()
        try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        try worker.answer(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        #expect(try client.readResponse().text == "ok")
        try client.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        try worker.answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
        #expect(try client.readResponse().text == "good")
    }
}

@Test func `an answer that comes before the request's body ends is passed on, and the connection ends`() async throws {
    try await withBalancer(workers: 1) { fixture in
        fixture.workers[0].mood.withLock { $0 = .refusesBodies }
        let client = try fixture.client()
        try client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nbegun")
        #expect(try client.readResponse().status == 413)
        #expect(try client.isEnded())
    }
}
