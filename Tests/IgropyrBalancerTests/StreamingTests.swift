import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

private let tenMegabytes = 10 << 20

@Test func `a body of 10 MB goes up whole, with a length and in chunks`() async throws {
    try await withBalancer(workers: 1, { $0.client.highWaterBytes = 4096 }) { fixture in
        let body = (0..<tenMegabytes).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let expected = "\(body.count) \(body.reduce(UInt64(0)) { $0 &* 31 &+ UInt64($1) })"
        let client = try fixture.client()
        try client.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n")
        try client.send(body)
        #expect(try client.readResponse().text == expected)
        try client.send("POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in stride(from: 0, to: body.count, by: 100_000) {
            let chunk = body[start..<min(start + 100_000, body.count)]
            try client.send(Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [0x0D, 0x0A])
        }
        try client.send("0\r\n\r\n")
        #expect(try client.readResponse().text == expected)
    }
}

@Test func `a body of 10 MB comes down whole through a small window`() async throws {
    try await withBalancer(workers: 1, { $0.server.highWaterBytes = 4096 }) { fixture in
        let client = try fixture.client(receiveBuffer: 4096)
        for _ in 0..<2 {
            let answer = try client.get("/big/\(tenMegabytes)")
            #expect(answer.isWhole && answer.body.count == tenMegabytes)
        }
    }
}

@Test func `a client that does not read stops the worker, and its leaving ends the request there`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let worker = fixture.workers[0]
        let total = 512 << 20
        do {
            let client = try fixture.client(receiveBuffer: 4096)
            try client.send("GET /big/\(total) HTTP/1.1\r\nHost: a\r\n\r\n")
            var (last, calm) = (0, 0)
            try await eventually("the worker is stopped") {
                let sent = worker.sentBytes.withLock { $0 }
                calm = sent == last && sent > 0 ? calm + 1 : 0
                last = sent
                return calm == 20
            }
            // What the kernels' and our buffers on the way take, as opposed to all of it.
            #expect(worker.sentBytes.withLock { $0 } < 40 << 20)
            client.reset()
        }
        try await eventually("the worker hears of it") { worker.aborts.withLock { $0 } == 1 }
        try await eventually("it is counted") { await fixture.balancer.counters.clientAborts == 1 }
    }
}

@Test func `a worker hears of a client that has closed its connection before there is an answer`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let worker = fixture.workers[0]
        worker.mood.withLock { $0 = .hangs }
        var client: RawClient? = try fixture.client()
        try client?.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try await eventually("the worker has it") { worker.seen.withLock { $0.count } == 1 }
        client = nil
        try await eventually("the worker hears of it") { worker.aborts.withLock { $0 } == 1 }
        try await eventually("it is counted") { await fixture.balancer.counters.clientAborts == 1 }
    }
}

@Test func `a worker that does not read stops the client`() async throws {
    try await withBalancer(workers: 1) { fixture in
        fixture.workers[0].mood.withLock { $0 = .ignoresBodies }
        let client = try fixture.client()
        let total = 512 << 20
        try client.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: \(total)\r\n\r\n")
        #expect(try client.sendUntilStopped(limit: total) < 40 << 20)
    }
}

@Test func `a client that waits for 100 is told to go on`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let client = try fixture.client()
        let head = "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        #expect(try client.exchange(head).status == 100)
        try client.send("abc")
        #expect(try client.readResponse().text.hasPrefix("3 "))
        #expect(try client.get("/x").status == 200)
    }
}

@Test(arguments: [("", "5\r\n"), ("5", "\r\n"), ("5\r\n", ""), ("5;a=b\r\n", "")])
func `a head does not wait for the body, whatever has come of the first chunk's line`(
    line: String, rest: String
) async throws {
    let worker = try ScriptedWorker()
    try await withBalancer(workers: 0) { fixture in
        fixture.use([worker.address])
        let client = try fixture.client()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try worker.answer(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + line,
            then: {
                _ = try client.read(until: Array("\r\n\r\n".utf8))
                return rest + "hello\r\n0\r\n\r\n"
            })
        #expect(try client.readResponse().text == "hello")
    }
}

@Test(arguments: ["/cut", "/cut-chunked"])
func `a response that ends too early at the worker ends too early at the client`(path: String) async throws {
    try await withBalancer { fixture in
        let client = try fixture.client()
        let answer = try client.get(path)
        #expect(answer.status == 200 && answer.text == "begun" && !answer.isWhole)
        #expect(try client.isEnded())
        #expect(await fixture.balancer.counters.truncated == 1)
    }
}

@Test func `stopping lets a request under way finish and takes no other`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let client = try fixture.client()
        try client.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
        try await eventually("it is under way") { await fixture.workers[0].requestCount == 1 }
        async let stopped: Void = fixture.balancer.stop(timeout: .seconds(60))
        try await eventually("nobody listens") { (try? fixture.client()) == nil }
        try client.send("abc")
        let answer = try client.readResponse()
        #expect(answer.text.hasPrefix("3 ") && answer.values("Connection") == ["close"])
        try await stopped
    }
}

@Test func `a port that another balancer has is in use, though loops share theirs`() async throws {
    try await withBalancer(workers: 1, { $0.loops = 3 }) { fixture async throws in
        let settings = BalancerSettings(listen: fixture.balancer.address)
        let error = await #expect(throws: ListenFailure.self) { try await Balancer.start(settings) }
        #expect(error?.error.code == UVError.addressInUse)
        for _ in 0..<10 { #expect(try fixture.get("/a").text == "worker-0") }
        #expect(await fixture.balancer.counters.accepted == 10)
    }
}
