import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

/// Clients that vanish, wherever in a request they are.
@Suite(.timeLimit(.minutes(5))) struct ResetTests {
    /// Sends every beginning of `wire` on a connection of its own and resets that; in the end no connection and no
    /// exchange is left, and the next client is answered.
    private static func resetEverywhere(_ wire: [UInt8], _ server: TestServer) async throws {
        for count in 0...wire.count {
            let client = try await server.connect()
            client.send(Array(wire[..<count]))
            await server.turn()  // The server reads what there is.
            client.reset()
        }
        while server.server.connectionCount > 0 { await server.turn() }
    }

    @Test func `a reset at any byte of a request harms nobody`() async throws {
        let wire = """
            POST /a?b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n\
            0\r\nT: u\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody
            """
        try await TestServer.run(onRequest: { _, _, connection in
            connection.exchange = EchoExchange(connection)
        }) { server in
            try await Self.resetEverywhere(Array(wire.utf8), server)
            #expect(
                try await server.exchange(
                    "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
                ).hasSuffix("\r\n\r\nok"))
        }
    }

    @Test func `a reset at any byte of a request by HTTP 2 harms nobody`() async throws {
        let fields = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")]
        let frames = [
            Frame(.settings), Frame(.headers, flags: Frame.endHeaders, stream: 1, Frame.block(fields)),
            Frame(.data, stream: 1, Array("hel".utf8)),
            Frame(.data, flags: Frame.endStream, stream: 1, Array("lo".utf8)),
            Frame(.ping, [UInt8](repeating: 7, count: 8)),
        ]
        let wire = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frames.flatMap(\.bytes)
        try await TestServer.run(onRequest: { _, _, connection in
            connection.exchange = EchoExchange(connection)
        }) { server in
            try await Self.resetEverywhere(wire, server)
            #expect(
                try await server.exchange(
                    "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
                ).hasSuffix("\r\n\r\nok"))
        }
    }

    @Test func `a reset at any byte of a TLS client's first message harms nobody`() async throws {
        let authority = try await TestAuthority()
        let files = try await authority.issue("a", for: ["DNS:a.example"])
        let context = try TLSContext.server(
            TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)]))
        let client = try TLSContext.client(trusting: .authorities(file: authority.file), applicationProtocols: ["h2"])
        let hello = try TLSSession(client, serverName: "a.example").taken()
        try await TestServer.run(tls: context) { server in
            try await Self.resetEverywhere(hello, server)
            #expect(try await server.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").contains("speaks TLS"))
        }
    }

    @Test func `a reset at any byte of a request by TLS harms nobody`() async throws {
        let authority = try await TestAuthority()
        let files = try await authority.issue("a", for: ["DNS:a.example"])
        let context = try TLSContext.server(
            TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)]))
        let trust = try TLSContext.client(trusting: .authorities(file: authority.file))
        let request = Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok".utf8)
        try await TestServer.run(
            tls: context,
            onRequest: { _, _, connection in
                connection.exchange = EchoExchange(connection)
            }
        ) { server in
            var (count, byteCount) = (0, 0)
            repeat {
                let client = try await SecureClient.connect(to: server, TLSSession(trust, serverName: "a.example"))
                try client.session.send(request)
                client.session.close()
                let wire = client.session.taken()
                client.stream.write(wire.span.bytes.extracting(first: count))
                await server.turn()
                client.stream.reset()
                (count, byteCount) = (count + 1, wire.count)
            } while count <= byteCount
            while server.server.connectionCount > 0 { await server.turn() }
            #expect(byteCount > request.count && server.server.counters.handshakes == UInt64(count))
        }
    }
}

/// A client that shakes hands, and leaves the rest to the test.
private final class SecureClient: TCPStreamDelegate {
    let session: TLSSession
    let stream: TCPStream
    private var waiter: CheckedContinuation<Void, Never>?

    private init(_ session: TLSSession, _ stream: TCPStream) {
        self.session = session
        self.stream = stream
    }

    static func connect(to server: TestServer, _ session: TLSSession) async throws -> SecureClient {
        let client = SecureClient(session, try TCPStream(on: server.loop))
        client.stream.delegate = client
        await withCheckedContinuation { continuation in
            client.waiter = continuation
            client.stream.connect(to: server.server.localAddress) { error in
                guard error == nil else { return client.wake() }
                client.stream.startReading()
                client.flush()
            }
        }
        try #require(!session.isHandshaking)
        return client
    }

    private func flush() { session.takeCiphertext { stream.write($0) } }

    private func wake() {
        waiter?.resume()
        waiter = nil
    }

    func streamDidRead(_ bytes: RawSpan) {
        try? session.receive(ciphertext: bytes)
        flush()
        if !session.isHandshaking { wake() }
    }

    func streamDidEnd() { wake() }
    func streamDidDrain() {}
    func streamDidFail(_: UVError) { wake() }
}

extension TestServer {
    /// One turn of the loop that the server and its clients share.
    fileprivate func turn() async {
        for _ in 0..<3 {
            await withCheckedContinuation { continuation in loop.submitLocally { continuation.resume() } }
            await Task.yield()
        }
    }
}
