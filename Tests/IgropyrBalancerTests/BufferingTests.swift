import TestSupport
import Testing

@testable import IgropyrBalancer

private func head(_ path: String, _ length: Int) -> String {
    "PUT \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n"
}

@Test(arguments: ["Content-Length: 6", "Transfer-Encoding: chunked"])
func `a worker hears of a request once its body is here`(framing: String) async throws {
    try await withBalancer(workers: 1, { $0.application.bufferedBodyBytes = 1000 }) { fixture in
        let slow = try fixture.client()
        let isChunked = framing.hasSuffix("chunked")
        try slow.send("POST /count HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n" + (isChunked ? "3\r\nabc\r\n" : "abc"))
        try await eventually("it is there") { await fixture.balancer.counters.requests == 1 }
        let other = try fixture.client()
        #expect(try other.get("/a").status == 200)
        #expect(await fixture.workers[0].requestCount == 1)
        try slow.send(isChunked ? "3\r\ndef\r\n0\r\nX: y\r\n\r\n" : "def")
        #expect(try slow.readResponse().text.hasPrefix("6 "))
        #expect(await fixture.workers[0].requestCount == 2)
    }
}

@Test(arguments: [true, false]) func `a body that is larger than is buffered goes through as it comes`(
    isChunked: Bool
) async throws {
    try await withBalancer(workers: 1, { ($0.application.bufferedBodyBytes, $0.repeatableBodyBytes) = (10, 10) }) {
        fixture in
        let client = try fixture.client()
        let framing = isChunked ? "Transfer-Encoding: chunked\r\n\r\nc\r\n" : "Content-Length: 15\r\n\r\n"
        try client.send("PUT /count HTTP/1.1\r\nHost: a\r\n\(framing)abcdefghijkl" + (isChunked ? "\r\n" : ""))
        try await eventually("the worker has the beginning") {
            fixture.workers[0].receivedBytes.withLock { $0 } == 12
        }
        try client.send(isChunked ? "3\r\nmno\r\n0\r\n\r\n" : "mno")
        #expect(try client.readResponse().text.hasPrefix("15 "))
    }
}

private let tens = [
    "Content-Length: 10\r\n\r\nabcdefghij",
    "Transfer-Encoding: chunked\r\n\r\na\r\nabcdefghij\r\n0\r\n\r\n",
]

@Test(arguments: tens)
func `a body of exactly the size gets through`(rest: String) async throws {
    try await withBalancer(workers: 1, { ($0.application.bufferedBodyBytes, $0.repeatableBodyBytes) = (10, 0) }) {
        fixture async throws in
        #expect(try fixture.exchange("PUT /count HTTP/1.1\r\nHost: a\r\n\(rest)").text.hasPrefix("10 "))
    }
}

@Test func `what was buffered is repeated whole, be it more than is kept of others`() async throws {
    try await withBalancer({ ($0.application.bufferedBodyBytes, $0.repeatableBodyBytes) = (200_000, 10) }) { fixture in
        fixture.workers[0].mood.withLock { $0 = .hangs }
        let path = try fixture.path(ownedBy: fixture.workers[0], below: "/count")
        let client = try fixture.client()
        try client.send(head(path, 150_000) + String(repeating: "x", count: 150_000))
        try await eventually("the first worker has it") {
            fixture.workers[0].receivedBytes.withLock { $0 } == 150_000
        }
        fixture.balancer.workerFailed(at: fixture.workers[0].address)
        #expect(try client.readResponse().text.hasPrefix("150000 "))
    }
}

@Test func `a client that goes away meanwhile troubles no worker`() async throws {
    try await withBalancer(workers: 1, { $0.application.bufferedBodyBytes = 1000 }) { fixture in
        var client: RawClient? = try fixture.client()
        try client?.send(head("/count", 10) + "abc")
        try await eventually("it is there") { await fixture.balancer.counters.requests == 1 }
        client?.reset()
        client = nil
        try await eventually("it is gone") { await fixture.balancer.counters.clientAborts == 1 }
        #expect(await fixture.workers[0].requestCount == 0)
    }
}
