import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

/// A server for `a.example`, and a client's context that trusts its authority.
private func contexts() async throws -> (server: TLSContext, client: TLSContext) {
    let authority = try await TestAuthority()
    let files = try await authority.issue("a", for: ["DNS:a.example", "IP:127.0.0.1"])
    return (
        try .server(TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)])),
        try .client(trusting: .authorities(file: authority.file))
    )
}

@Suite(.timeLimit(.minutes(5))) struct `An HTTP client by TLS` {
    @Test(arguments: ["a.example", nil]) func `asks a server that proves its name or its address`(
        name: String?
    ) async throws {
        let (serverTLS, clientTLS) = try await contexts()
        let onRequest: @Sendable (MessageHead, RawSpan, any HTTPServerStream) -> Void = { head, bytes, connection in
            let host = head.value(of: "Host", in: bytes).map { bytes.string(in: $0) }
            answer(connection, "\(host ?? "") \(connection.negotiatedProtocol ?? "")")
        }
        try await TestServer.run(tls: serverTLS, onRequest: onRequest) { server in
            let address = server.server.localAddress
            let client = try HTTPRequester(on: server.loop, tls: clientTLS, serverName: name)
            defer { client.close() }
            for _ in 1...2 {
                let response = try await client.send(.init(.get, "/"), to: address)
                let host = name.map { "\($0):\(address.port)" } ?? "\(address)"
                #expect(String(decoding: response.body, as: UTF8.self) == "\(host) http/1.1")
            }
            #expect(server.server.counters.accepted == 1)
        }
    }

    @Test func `asks nothing of a server that proves another name, or nothing that is trusted`() async throws {
        let (serverTLS, clientTLS) = try await contexts()
        let elsewhere = try await contexts().client
        try await TestServer.run(tls: serverTLS) { server in
            for (context, name) in [(clientTLS, "b.example"), (elsewhere, "a.example"), (try .client(), "a.example")] {
                let client = try HTTPRequester(on: server.loop, tls: context, serverName: name)
                defer { client.close() }
                let failure = await #expect(throws: HTTPClientFailure.self) {
                    _ = try await client.send(.init(.get, "/"), to: server.server.localAddress)
                }
                guard case .connection(.security(let error))? = failure?.cause else {
                    Issue.record("\(String(describing: failure))")
                    return
                }
                #expect(error.code == .untrustedPeer && failure?.mayHaveBeenReceived == false)
            }
            #expect(server.server.counters.requests == 0)
        }
    }

    @Test func `sends and takes large bodies whole`() async throws {
        let (serverTLS, clientTLS) = try await contexts()
        let onRequest: @Sendable (MessageHead, RawSpan, any HTTPServerStream) -> Void = { _, _, connection in
            connection.exchange = EchoExchange(connection, pausing: true)
        }
        try await TestServer.run(tls: serverTLS, onRequest: onRequest) { server in
            let client = try HTTPRequester(on: server.loop, tls: clientTLS, serverName: "a.example")
            defer { client.close() }
            let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: 0x20 + ($0 &* 31 &+ $0 >> 8) % 0x50) }
            let response = try await client.send(.init(.post, "/", body: body), to: server.server.localAddress)
            #expect(response.body == body)
        }
    }

    @Test(arguments: [true, false]) func `tells a body that ends from one that is cut off`(isWhole: Bool) async throws {
        let (serverTLS, clientTLS) = try await contexts()
        let onRequest: @Sendable (MessageHead, RawSpan, any HTTPServerStream) -> Void = { _, _, connection in
            begin(connection, .untilClose)
            connection.sendBody(Array("abc".utf8).span.bytes)
            connection.flush()
            if isWhole { connection.endResponse() } else { connection.abort() }
        }
        try await TestServer.run(tls: serverTLS, onRequest: onRequest) { server in
            let client = try HTTPRequester(on: server.loop, tls: clientTLS, serverName: "a.example")
            defer { client.close() }
            let address = server.server.localAddress
            guard !isWhole else {
                #expect(try await client.send(.init(.get, "/"), to: address).body == Array("abc".utf8))
                return
            }
            let failure = await #expect(throws: HTTPClientFailure.self) {
                _ = try await client.send(.init(.post, "/"), to: address)
            }
            guard case .connection(.security(let error))? = failure?.cause else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(error.code == .truncated)
        }
    }
}
