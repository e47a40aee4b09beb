import Glibc
import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

private let loopback = IPNetwork("127.0.0.0/8")!
private let header = ProxyHeader.proxied(
    source: SocketAddress("192.0.2.7", port: 4711)!, destination: SocketAddress("203.0.113.1", port: 443)!)
private let addresses = "192.0.2.7:4711 203.0.113.1:443"

private func settings(
    from networks: [IPNetwork] = [loopback], _ change: (inout HTTPServerSettings) -> Void = { _ in }
)
    -> HTTPServerSettings
{
    var settings = HTTPServerSettings()
    settings.proxyProtocol = .required(from: networks)
    change(&settings)
    return settings
}

/// Answers with both ends of the connection, as far as the server knows.
@Sendable private func answerWithAddresses(_ head: MessageHead, _ bytes: RawSpan, _ stream: any HTTPServerStream) {
    let ends = [stream.peerAddress, stream.localAddress].map { $0?.description ?? "none" }
    answer(stream, ends.joined(separator: " "))
}

private let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

@Suite(.timeLimit(.minutes(5))) struct ProxyProtocolTests {
    @Test(arguments: [ProxyHeader.Version.v1, .v2], [1, 20, 1000]) func `a header states who the client is`(
        version: ProxyHeader.Version, step: Int
    ) async throws {
        try await TestServer.run(settings(), onRequest: answerWithAddresses) { server in
            let client = try await server.connect()
            let bytes = header.bytes(version) + Array(request.utf8)
            for start in stride(from: 0, to: bytes.count, by: step) {
                client.send(Array(bytes[start..<min(start + step, bytes.count)]))
                for _ in 0..<3 { await Task.yield() }
            }
            #expect(await client.receiveAll().hasSuffix("\r\n\r\n\(addresses)"))

            let frames = try await server.connectFrames()
            frames.send(header.bytes(version) + FrameClient.preface, [.settings(), .request(1)])
            #expect(await frames.response(1).body == addresses)
            #expect(server.server.counters.refusedProxyHeaders == 0 && server.server.counters.accepted == 2)
        }
    }

    @Test(arguments: [ProxyHeader.Version.v1, .v2]) func `a proxy's own connection keeps its addresses`(
        version: ProxyHeader.Version
    ) async throws {
        try await TestServer.run(settings(), onRequest: answerWithAddresses) { server in
            let client = try await server.connect()
            client.send(ProxyHeader.local.bytes(version))
            client.send(request)
            let answer = await client.receiveAll()
            #expect(answer.contains("\r\n\r\n127.0.0.1:") && answer.hasSuffix(" \(server.server.localAddress)"))
        }
    }

    @Test(arguments: [request, "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n" + request, "PROXY TCP4 1.2.3.4 "])
    func `without a right header nothing is answered`(text: String) async throws {
        try await TestServer.run(settings()) { server in
            let client = try await server.connect()
            client.send(text)
            client.endSending()
            #expect(await client.receiveAll() == "")
            #expect(server.server.counters.refusedProxyHeaders == 1 && server.server.counters.requests == 0)
            #expect(server.server.connectionCount == 0)
        }
    }

    @Test func `a header is taken from known proxies only`() async throws {
        let elsewhere = [IPNetwork("10.0.0.0/8")!, IPNetwork("::1")!]
        try await TestServer.run(settings(from: elsewhere)) { server in
            let client = try await server.connect()
            client.send(header.bytes(.v2) + Array(request.utf8))
            #expect(await client.receiveAll() == "")
            #expect(server.server.counters.refusedConnections == 1 && server.server.counters.requests == 0)
        }
    }

    @Test func `a server that was not told so takes no header`() async throws {
        try await TestServer.run { server in
            let client = try await server.connect()
            client.send(header.bytes(.v1) + Array(request.utf8))
            #expect(await client.receiveAll().hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func `a header that takes too long ends the connection`() async throws {
        try await TestServer.run(settings { $0.headTimeout = .milliseconds(100) }) { server in
            let client = try await server.connect()
            client.send("PROXY TCP4")
            #expect(await client.receiveAll() == "")
            #expect(server.server.counters.timeouts == 1)
        }
    }

    @Test func `a server that drains still answers what comes behind a header`() async throws {
        let patient = settings { $0.drainIdleTimeout = .seconds(30) }
        try await TestServer.run(patient, onRequest: answerWithAddresses) { server in
            let (idle, client) = (try await server.connect(), try await server.connect())
            try await eventually("both are accepted") { server.server.connectionCount == 2 }
            let drained = Signal()
            server.server.drain(timeout: .seconds(30)) { drained.send() }
            client.send(header.bytes(.v2) + Array(request.utf8))
            #expect(await client.receiveAll().hasSuffix(addresses))
            idle.close()
            await drained.wait()
        }
    }

    @Test func `connections count for the client behind the proxy`() async throws {
        let limit = ClientLimit(connections: 1)
        try await TestServer.run(settings(), clients: limit, onRequest: answerWithAddresses) { server in
            let other = ProxyHeader.proxied(
                source: SocketAddress("192.0.2.8", port: 1)!, destination: SocketAddress("203.0.113.1", port: 443)!)
            let first = try await server.connect()
            first.send(header.bytes(.v2) + Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
            await first.receive { $0.hasSuffix(addresses) }
            let second = try await server.connect()
            second.send(header.bytes(.v2) + Array(request.utf8))
            #expect(await second.receiveAll() == "")
            let third = try await server.connect()
            third.send(other.bytes(.v2) + Array(request.utf8))
            #expect(await third.receiveAll().contains("\r\n\r\n192.0.2.8:1 "))
            #expect(server.server.counters.refusedConnections == 1)
            first.close()
            try await eventually("the first is gone") { server.server.connectionCount == 0 }
            let fourth = try await server.connect()
            fourth.send(header.bytes(.v2) + Array(request.utf8))
            #expect(await fourth.receiveAll().hasSuffix(addresses))
        }
    }

    @Test(arguments: ["--http1.1", "--http2"]) func `curl's header comes before TLS`(version: String) async throws {
        let authority = try await TestAuthority()
        let files = try await authority.issue("a", for: ["IP:127.0.0.1"])
        let certificate = TLSConfiguration.Certificate(chainFile: files.chain, keyFile: files.key)
        let tls = try TLSContext.server(TLSConfiguration(certificates: [certificate]))
        try await TestServer.run(settings(), tls: tls, onRequest: answerWithAddresses) { server in
            let address = server.server.localAddress
            let outcome = try await run([
                "curl", "-sS", version, "--haproxy-protocol", "--cacert", authority.file, "https://\(address)/",
            ])
            #expect(outcome.output.hasPrefix("127.0.0.1:") && outcome.output.hasSuffix(" \(address)"), "\(outcome)")
            #expect(server.server.counters.handshakes == 1)
        }
    }

    /// HAProxy in front, with everything that it can put into a header.
    @Test(arguments: ["send-proxy", "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority"])
    func `HAProxy's header is understood`(option: String) async throws {
        try await TestServer.run(settings(), onRequest: answerWithAddresses) { server in
            let front = freshAddress(port: 8080)
            let proxy = try haproxy(
                "bind \(front)\n unique-id-format %ci\n server s \(server.server.localAddress) \(option)")
            defer { proxy.signal(SIGKILL) }
            let command = ["curl", "-sS", "--interface", "127.0.0.9", "http://\(front)/"]
            var output = ""
            try await eventually("HAProxy answers") {
                output = try await run(command).output
                return !output.isEmpty
            }
            #expect(output.hasPrefix("127.0.0.9:") && output.hasSuffix(" \(front)"), "\(output) \(proxy.errors)")
        }
    }

    @Test(arguments: [ProxyHeader.Version.v1, .v2]) func `HAProxy understands a client's header`(
        version: ProxyHeader.Version
    ) async throws {
        let seen = Locked<[String]>([])
        try await TestServer.run(onRequest: { head, bytes, stream in
            let client = head.value(of: "x-client", in: bytes).map { bytes.string(in: $0) }
            seen.withLock { $0.append(client ?? "none") }
            answer(stream, "ok")
        }) { server in
            let front = freshAddress(port: 8080)
            let proxy = try haproxy(
                """
                bind \(front) accept-proxy
                 http-request set-header X-Client "%[src]:%[src_port] %[dst]:%[dst_port]"
                 server s \(server.server.localAddress)
                """)
            defer { proxy.signal(SIGKILL) }
            let pool = try pool(on: server.loop, version)
            defer { pool.close() }
            try await eventually("HAProxy answers") { try await ask(pool, front, for: header) == 200 }
            #expect(seen.withLock { $0.last } == addresses)
        }
    }

    @Test func `a connection serves one client only, and gives way to another's`() async throws {
        try await TestServer.run(settings(), onRequest: answerWithAddresses) { server in
            func client(_ port: UInt16) -> ProxyHeader {
                .proxied(source: SocketAddress("192.0.2.7", port: port)!, destination: SocketAddress("::1", port: 80)!)
            }
            let pool = try pool(on: server.loop, .v2, connections: 2)
            defer { pool.close() }
            let address = server.server.localAddress
            for port: UInt16 in [1, 2, 1, 2, 1] { #expect(try await ask(pool, address, for: client(port)) == 200) }
            #expect(server.server.counters.accepted == 2)
            #expect(try await ask(pool, address, for: client(3)) == 200)
            #expect(try await ask(pool, address, for: client(1)) == 200)
            #expect(server.server.counters.accepted == 3)
            #expect(try await ask(pool, address, for: .local) == 200)
            #expect(server.server.counters.refusedProxyHeaders == 0)
        }
    }
}

private func haproxy(_ section: String) throws -> BackgroundCommand {
    let configuration =
        "global\n maxconn 100\ndefaults\n mode http\n timeout connect 10s\n timeout client 10s\n timeout server 10s\n"
        + "listen l\n " + section + "\n"
    return try BackgroundCommand(["/usr/sbin/haproxy", "-db", "-f", "/dev/stdin"], input: configuration)
}

private func pool(
    on loop: EventLoop, _ version: ProxyHeader.Version, connections: Int = 100
) throws -> HTTPConnectionPool {
    var settings = HTTPClientSettings()
    settings.connectionsPerServer = connections
    settings.idleTimeout = .seconds(60)
    return try HTTPConnectionPool(on: loop, settings: settings, kind: HTTPConnectionKind(proxyProtocol: version))
}

/// The status of the answer to one request; 0 if there is none.
private func ask(_ pool: HTTPConnectionPool, _ address: SocketAddress, for client: ProxyHeader) async throws -> Int {
    final class Call: HTTPClientExchange {
        var status = 0
        let continuation: CheckedContinuation<Int, Never>
        init(_ continuation: CheckedContinuation<Int, Never>) { self.continuation = continuation }
        func responseDidBegin(_ head: MessageHead, _ bytes: RawSpan) { status = head.status }
        func responseBodyDidArrive(_ bytes: RawSpan) {}
        func responseDidEnd() { continuation.resume(returning: status) }
        func requestDidDrain() {}
        func exchangeDidFail(_ failure: HTTPClientFailure) { continuation.resume(returning: 0) }
    }
    return await withCheckedContinuation { continuation in
        pool.connection(to: address, for: client) { outcome in
            guard case .success(let connection) = outcome else { return continuation.resume(returning: 0) }
            connection.begin(Call(continuation))
            let head = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            connection.sendHead(head.span.bytes, method: .get, framing: .none)
        }
    }
}
