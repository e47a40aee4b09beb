import Glibc
import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

private func http2(authority: String? = nil) -> UpstreamConnection {
    var connection = UpstreamConnection()
    connection.isHTTP2 = true
    guard let authority else { return connection }
    connection.tls = UpstreamConnection.TLS()
    connection.tls?.authorityFile = authority
    return connection
}

private func withHTTP2Workers(_ count: Int, _ body: (Fixture) async throws -> Void) async throws {
    let kind = try http2().kind()
    try await withBalancer(workers: count, { $0.application.connections = kind }, body)
}

@Test(arguments: ["/chunked", "/status/204", "/status/304", "/big/3000000", "/fields", "/cut-chunked"])
func `responses of every framing come by HTTP 2 from workers`(path: String) async throws {
    try await withHTTP2Workers(1) { fixture in
        let client = try fixture.client()
        let answer = try client.get(path)
        switch path {
        case "/chunked": #expect(answer.text == "one two three")
        case "/status/204": #expect(answer.status == 204 && answer.body.isEmpty)
        case "/status/304": #expect(answer.status == 304 && answer.body.isEmpty)
        case "/fields":
            #expect(answer.values("Set-Cookie") == ["a=1", "b=2"] && answer.values("X-Public") == ["yes"])
            #expect(answer.values("Via") == ["2 igropyr"])
        case "/cut-chunked": #expect(answer.status == 502 || !answer.isWhole)  // The reset may overtake the head.
        default: #expect(answer.body.count == 3_000_000 && answer.isWhole)
        }
        guard path != "/cut-chunked" else { return }
        #expect(try client.exchange("HEAD /big/10 HTTP/1.1\r\nHost: a\r\n\r\n").values("Content-Length") == ["10"])
        #expect(await fixture.workers[0].connectionCount == 1)
    }
}

@Test func `uploads reach workers by HTTP 2 whole, and many clients share a connection`() async throws {
    let body = String(repeating: "x", count: 1_000_000)
    try await withHTTP2Workers(1) { fixture in
        for client in try (0..<10).map({ _ in try fixture.client() }) {
            let request = "POST /count HTTP/1.1\r\nHost: a:1\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            #expect(try client.exchange(request).text.hasPrefix("1000000 "))
        }
        let seen = try #require(fixture.workers[0].seen.withLock { $0.first })
        #expect(seen.values("Host") == ["a:1"] && seen.framing == .length(1_000_000))
        #expect(await fixture.workers[0].connectionCount == 1)
    }
}

@Test func `a client that leaves has its stream reset, not the worker's connection`() async throws {
    try await withHTTP2Workers(1) { fixture in
        let worker = fixture.workers[0]
        let other = try fixture.client()
        #expect(try other.get("/").text == "worker-0")
        worker.mood.withLock { $0 = .hangs }
        var client: RawClient? = try fixture.client()
        try client?.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
        try await eventually("the request has come") { await worker.requestCount == 2 }
        client?.resetAtEnd()
        client = nil
        try await eventually("the worker hears of it") { worker.aborts.withLock { $0 } == 1 }
        worker.mood.withLock { $0 = .answers }
        #expect(try other.get("/").text == "worker-0")
        #expect(await worker.connectionCount == 1)
    }
}

@Test func `slow clients hold up their own responses only, however many they are`() async throws {
    try await withHTTP2Workers(1) { fixture in
        let slow = try (0..<32).map { _ in try fixture.client(receiveBuffer: 4096) }
        for client in slow { try client.send("GET /big/30000000 HTTP/1.1\r\nHost: a\r\n\r\n") }
        let worker = fixture.workers[0]
        try await eventually("all have begun") { await worker.requestCount == 32 }
        for _ in 0..<20 { #expect(try fixture.get("/big/100000").body.count == 100_000) }
        #expect(worker.sentBytes.withLock { $0 } < 32 * 20_000_000)
        #expect(try slow[0].readResponse().body.count == 30_000_000)
    }
}

@Test func `workers that die over idempotent requests have them repeated elsewhere`() async throws {
    try await withHTTP2Workers(3) { fixture in
        let client = try fixture.client()
        let path = try fixture.path(ownedBy: fixture.workers[0])
        #expect(try client.get(path).text == "worker-0")
        await fixture.workers[0].kill()
        #expect(try ["worker-1", "worker-2"].contains(client.get(path).text))
    }
}

private let nodeServer = """
    const http2 = require('http2')
    const server = http2.createServer()
    server.on('stream', (stream, fields) => {
      let count = 0
      stream.on('data', data => count += data.length)
      stream.on('end', () => {
        stream.additionalHeaders({':status': 103, 'link': '</a>'})
        stream.respond({':status': 200, 'x-seen': fields[':path'] + ' ' + fields[':authority']}, {waitForTrailers: true})
        stream.on('wantTrailers', () => stream.sendTrailers({'x-count': String(count)}))
        stream.end('from node')
      })
    })
    server.listen(Number(process.argv[1]), '127.0.0.1')
    """

@Test func `a server of Node_js is spoken to by HTTP 2, with trailers`() async throws {
    let port = try ReservedPort()
    let address = port.address
    let node = try BackgroundCommand(["node", "-e", nodeServer, "\(address.port)"])
    defer { withExtendedLifetime(port) { node.signal(SIGTERM) } }
    let kind = try http2().kind()
    try await withBalancer(workers: 0, knowsWorkers: false, { $0.application.connections = kind }) { fixture in
        fixture.use([address])
        try await eventually("Node.js answers: \(node.errors)") { try fixture.get("/").status == 103 }
        let answer = try await run([
            "curl", "-sS", "-i", "--http2-prior-knowledge", "-H", "Host: a.example", "--data-binary", "12345",
            "http://\(fixture.balancer.address)/a?b",
        ])
        #expect(answer.output.contains("HTTP/2 103"), "\(answer)")
        #expect(answer.output.contains("x-seen: /a?b a.example\r\n"), "\(answer)")
        #expect(answer.output.contains("from node") && answer.output.contains("x-count: 5"), "\(answer)")
    }
}

@Test func `nginx agrees to HTTP 2 by TLS`() async throws {
    let authority = try await TestAuthority()
    let files = try await authority.issue("w", for: ["IP:127.0.0.1"])
    let port = try ReservedPort()
    let front = port.address
    let nginx = try nginx(
        """
        server {
          listen \(front) ssl http2;
          ssl_certificate \(files.chain); ssl_certificate_key \(files.key);
          location / { return 200 "$server_protocol $https"; }
        }
        """, in: authority.folder)
    defer { withExtendedLifetime(port) { nginx.signal(SIGTERM) } }
    let kind = try http2(authority: authority.file).kind()
    try await withBalancer(workers: 0, knowsWorkers: false, { $0.application.connections = kind }) { fixture in
        fixture.use([front])
        try await eventually("nginx answers: \(nginx.errors)") { try fixture.get("/").status == 200 }
        for _ in 0..<5 { #expect(try fixture.get("/").text == "HTTP/2.0 on") }
    }
}
