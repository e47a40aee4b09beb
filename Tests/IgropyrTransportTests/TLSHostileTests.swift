import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrTransport

private func serverContext(_ authority: TestAuthority) async throws -> TLSContext {
    let files = try await authority.issue("a", for: ["DNS:a.example"])
    return try .server(TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)]))
}

/// A client's first message, with all the extensions that this library's client sends.
private func hello(_ authority: TestAuthority) throws -> [UInt8] {
    let context = try TLSContext.client(
        trusting: .authorities(file: authority.file), applicationProtocols: ["h2", "http/1.1"])
    return try TLSSession(context, serverName: "a.example").taken()
}

@Suite(.timeLimit(.minutes(5))) struct `Hostile clients of a server with certificates` {
    @Test func `any bytes as the first message end in an error, never a trap`() async throws {
        let authority = try await TestAuthority()
        let context = try await serverContext(authority)
        let whole = try hello(authority)
        var random = SystemRandomNumberGenerator()
        var broken: [[UInt8]] = whole.indices.map { Array(whole[..<$0]) }
        for position in whole.indices {
            for value in [0, 0xff, whole[position] ^ 1, whole[position] ^ 0x80, .random(in: 0...255, using: &random)] {
                var bytes = whole
                bytes[position] = value
                broken.append(bytes)
            }
        }
        for bytes in broken {
            let session = try TLSSession(context)
            #expect(throws: TLSError.self) {
                try session.feed(bytes)
                try session.receiveEndOfFile()
            }
            #expect(session.state == .failed && session.isHandshaking)
        }
    }

    @Test(arguments: [0, 1, 5, 100, -1]) func `a handshake that does not go on is given up in time`(
        sent: Int
    ) async throws {
        let authority = try await TestAuthority()
        let context = try await serverContext(authority)
        let bytes = try hello(authority)
        var settings = HTTPServerSettings()
        settings.handshakeTimeout = .milliseconds(60)
        try await TestServer.run(settings, tls: context) { server in
            let client = try await server.connect()
            client.send(sent < 0 ? bytes : Array(bytes.prefix(sent)))
            _ = await client.receiveAll()
            #expect(client.ending == .closed)
            #expect(server.server.counters.handshakeTimeouts == 1 && server.server.counters.handshakes == 0)
            #expect(server.server.connectionCount == 0)
        }
    }

    @Test(arguments: ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "PROPFIND"])
    func `plain HTTP is told that the port speaks TLS`(method: String) async throws {
        let authority = try await TestAuthority()
        try await TestServer.run(tls: serverContext(authority)) { server in
            let text = try await server.exchange("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(text.hasPrefix("HTTP/1.1 400 "), "\(text)")
            #expect(text.contains("\r\nConnection: close\r\n") && text.contains("speaks TLS, ask by https://"))
            #expect(server.server.counters.plainConnections == 1 && server.server.counters.requests == 0)
        }
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2\r\n", "\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}", "\u{16}\u{3}\u{1}zzzzzzzzz",
        "get / HTTP/1.1\r\n\r\n",
    ])
    func `other bytes close the connection, and are counted`(text: String) async throws {
        let authority = try await TestAuthority()
        try await TestServer.run(tls: serverContext(authority)) { server in
            let client = try await server.connect()
            client.send(text)
            client.endSending()
            _ = await client.receiveAll()
            let counters = server.server.counters
            #expect(counters.failedHandshakes + counters.plainConnections == 1 && counters.requests == 0)
            #expect(counters.failedConnections == 0)
        }
    }

    @Test func `a client that resets within the handshake is counted`() async throws {
        let authority = try await TestAuthority()
        let context = try await serverContext(authority)
        let bytes = try hello(authority)
        try await TestServer.run(tls: context) { server in
            let client = try await server.connect()
            client.send(bytes)
            await client.receive { !$0.isEmpty }
            client.reset()
            let gone = Signal()
            func look() { server.server.connectionCount == 0 ? gone.send() : server.loop.submitLocally(look) }
            look()
            await gone.wait()
            #expect(server.server.counters.failedHandshakes == 1)
        }
    }
}
