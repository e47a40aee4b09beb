import IgropyrHTTP
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

@Test func `fields of the connection stay behind, those of the message go on`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let answer = try fixture.exchange(
            """
            GET /a?b=c HTTP/1.1\r
            Host: Shop.example:81\r
            Connection: keep-alive, X-Private\r
            Keep-Alive: timeout=5\r
            Proxy-Connection: keep-alive\r
            Proxy-Authorization: Basic x\r
            TE: trailers\r
            Upgrade: websocket\r
            X-Private: secret\r
            X-Forwarded-For: 1.2.3.4\r
            X-Forwarded-For: 5.6.7.8\r
            X-Forwarded-Proto: https\r
            X-Forwarded-Host: evil.example\r
            Via: 1.1 other\r
            Accept: a\r
            accept: b\r
            \r

            """)
        #expect(answer.status == 200)
        let seen = try #require(fixture.workers[0].seen.withLock { $0.first })
        #expect(seen.target == "/a?b=c" && seen.method == "GET" && seen.framing == .none)
        for name in [
            "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "TE", "Upgrade", "X-Private",
            "Content-Length", "Transfer-Encoding",
        ] { #expect(seen.values(name) == [], "\(name)") }
        #expect(seen.values("Host") == ["Shop.example:81"])
        #expect(seen.values("X-Forwarded-For") == ["1.2.3.4, 5.6.7.8, 127.0.0.1"])
        #expect(seen.values("X-Forwarded-Proto") == ["http"])
        #expect(seen.values("X-Forwarded-Host") == ["Shop.example:81"])
        #expect(seen.values("Via") == ["1.1 other", "1.1 igropyr"])
        #expect(seen.values("Accept") == ["a", "b"])
    }
}

@Test func `fields of the worker's connection stay behind, those of the response go on`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let answer = try fixture.get("/fields")
        for name in ["Keep-Alive", "Upgrade", "X-Private", "Proxy-Connection"] {
            #expect(answer.values(name) == [], "\(name)")
        }
        #expect(answer.values("Connection") == [] && answer.values("Content-Length") == ["0"])
        #expect(answer.values("Set-Cookie") == ["a=1", "b=2"] && answer.values("X-Public") == ["yes"])
        #expect(answer.values("Via") == ["1.1 igropyr"] && answer.values("Server") == ["igropyr"])
        #expect(answer.values("Date").count == 1)
    }
}

private let targets: [(line: String, target: String, host: String)] = [
    ("GET http://shop.example/a?b HTTP/1.1\r\nHost: other\r\n", "/a?b", "shop.example"),
    ("GET http://shop.example HTTP/1.1\r\nHost: other\r\n", "/", "shop.example"),
    ("GET http://shop.example?b HTTP/1.1\r\nHost: other\r\n", "/?b", "shop.example"),
    ("OPTIONS * HTTP/1.1\r\nHost: other\r\n", "*", "other"),
    ("OPTIONS http://shop.example HTTP/1.1\r\nHost: other\r\n", "*", "shop.example"),
    ("BREW /pot HTTP/1.1\r\nHost: other\r\n", "/pot", "other"),
]

@Test(arguments: targets) func `a worker sees targets in origin form and the host that was meant`(
    line: String, target: String, host: String
) async throws {
    try await withBalancer(workers: 1) { fixture in
        #expect(try fixture.exchange(line + "\r\n").status == 200)
        let seen = try #require(fixture.workers[0].seen.withLock { $0.first })
        #expect(seen.target == target && seen.values("Host") == [host])
    }
}

@Test func `a client of HTTP/1.0 without Host is served, and its connection closed`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let client = try fixture.client()
        let answer = try client.exchange("GET /chunked HTTP/1.0\r\n\r\n")
        #expect(answer.text == "one two three" && answer.values("Transfer-Encoding") == [])
        #expect(try client.isEnded())
    }
}

/// There it means nothing, whatever it says; in HTTP/1.1 a worker would heed it, or refuse.
@Test(arguments: ["100-continue", "more"]) func `what HTTP/1.0 expects stays behind`(expectation: String) async throws {
    try await withBalancer(workers: 1) { fixture in
        let answer = try fixture.exchange("GET /a HTTP/1.0\r\nHost: a\r\nExpect: \(expectation)\r\n\r\n")
        #expect(answer.status == 200)
        #expect(fixture.workers[0].seen.withLock { $0.first }?.values("Expect") == [])
    }
}

@Test func `a chunked response arrives chunked, and the connection goes on`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let client = try fixture.client()
        for _ in 0..<3 {
            let answer = try client.get("/chunked")
            #expect(answer.text == "one two three" && answer.isWhole)
        }
    }
}

@Test func `responses without a body say what they would, and the connection goes on`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let client = try fixture.client()
        #expect(
            try client.exchange("HEAD /big/12345 HTTP/1.1\r\nHost: a\r\n\r\n").values("Content-Length") == ["12345"])
        #expect(try client.get("/status/204").status == 204)
        #expect(try client.get("/status/304").status == 304)
        #expect(try client.get("/status/500").values("Content-Length") == ["0"])
        #expect(try client.exchange("HEAD /chunked HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        #expect(try client.get("/x").text == "worker-0")
    }
}

@Test func `pipelined requests are answered in their order`() async throws {
    try await withBalancer { fixture in
        let client = try fixture.client()
        let paths = (0..<20).map { "/item/\($0)" }
        let alone = try paths.map { try client.get($0).text }
        try client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        for owner in alone { #expect(try client.readResponse().text == owner) }
    }
}

@Test func `CONNECT and TRACE are not for a balancer`() async throws {
    try await withBalancer(workers: 1) { fixture async throws in
        #expect(try fixture.exchange("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n").status == 501)
        #expect(try fixture.exchange("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n").status == 501)
        #expect(await fixture.workers[0].requestCount == 0)
    }
}

private let ambiguous = [
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\n folded: y\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Host\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n",
]

@Test(arguments: ambiguous) func `what could be read in two ways is refused and never forwarded`(
    request: String
)
    async throws
{
    try await withBalancer(workers: 1) { fixture in
        let client = try fixture.client()
        let status = try client.exchange(request + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").status
        #expect(status == 400 || status == 501)
        #expect(try client.isEnded())
        #expect(await fixture.workers[0].requestCount == 0)
        #expect(await fixture.balancer.counters.refused == 1)
    }
}

@Test func `a chunk that breaks the framing ends the request at the worker, too`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let client = try fixture.client()
        let head = "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        try client.send(head + "3\r\nabc\r\n")
        try await eventually("the worker has it") { fixture.workers[0].receivedBytes.withLock { $0 } == 3 }
        #expect(try client.exchange("xyz\r\n").status == 400)
        try await eventually("the worker hears of it") { fixture.workers[0].aborts.withLock { $0 } == 1 }
    }
}
