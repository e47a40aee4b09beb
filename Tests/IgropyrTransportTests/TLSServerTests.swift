import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

extension TestAuthority {
    /// A server's context with one certificate, for `a.example`.
    fileprivate func context(_ adjust: (inout TLSConfiguration) -> Void = { _ in }) async throws -> TLSContext {
        let files = try await issue("a", for: ["DNS:a.example", "IP:127.0.0.1"])
        var configuration = TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)])
        adjust(&configuration)
        return try .server(configuration)
    }

    /// Asks by curl, as for `https://a.example/`.
    fileprivate func curl(_ port: UInt16, _ path: String = "/", _ options: String...) async throws -> CommandOutcome {
        try await run(
            ["curl", "-sS", "--http1.1", "--cacert", file, "--resolve", "a.example:\(port):127.0.0.1"] + options
                + ["https://a.example:\(port)\(path)"])
    }

    /// One request by `openssl s_client`; what it prints of the connection is part of the output.
    fileprivate func client(
        _ port: UInt16, _ options: String,
        asking request: String = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    ) async throws -> CommandOutcome {
        let words = "openssl s_client -connect 127.0.0.1:\(port) -servername a.example -CAfile ca.pem \(options)"
        return try await run(words.split(separator: " ").map(String.init), input: request, in: folder.path)
    }
}

private func closing(_ head: MessageHead, _ bytes: RawSpan, _ connection: any HTTPServerStream) {
    answer(connection, connection.negotiatedProtocol ?? "none")
}

@Suite(.timeLimit(.minutes(5))) struct `A server with certificates` {
    @Test func `answers curl, twice on one connection`() async throws {
        let authority = try await TestAuthority()
        try await TestServer.run(tls: authority.context()) { server in
            let port = server.server.localAddress.port
            let outcome = try await authority.curl(port, "/one", "https://a.example:\(port)/zero")
            #expect(outcome.output == "/zero/one", "\(outcome)")
            #expect(server.server.counters.handshakes == 1 && server.server.counters.requests == 2)
            let refused = try await run(["curl", "-sS", "https://127.0.0.1:\(port)/"])
            #expect(refused.status == 60, "\(refused)")  // Not an authority that this machine trusts.
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"]) func `resumes sessions`(version: String) async throws {
        let authority = try await TestAuthority()
        try await TestServer.run(tls: authority.context(), onRequest: answerWithPath) { server in
            let port = server.server.localAddress.port
            let first = try await authority.client(port, "\(version) -ign_eof -sess_out session")
            #expect(first.output.contains("New, ") && first.output.contains("\r\n\r\n/x"), "\(first)")
            let second = try await authority.client(port, "\(version) -ign_eof -sess_in session")
            #expect(second.output.contains("Reused, ") && second.output.contains("\r\n\r\n/x"), "\(second)")
            #expect(server.server.counters.resumedHandshakes == 1)
        }
    }

    @Test func `gives who resumes a session a ticket for the next time`() async throws {
        let authority = try await TestAuthority()
        try await TestServer.run(tls: authority.context(), onRequest: answerWithPath) { server in
            let port = server.server.localAddress.port
            _ = try await authority.client(port, "-tls1_3 -ign_eof -sess_out 1")
            for number in 1...3 {
                let options = "-tls1_3 -ign_eof -sess_in \(number) -sess_out \(number + 1)"
                let next = try await authority.client(port, options)
                #expect(next.output.contains("Reused, "), "\(next)")
            }
            #expect(server.server.counters.resumedHandshakes == 3)
        }
    }

    @Test func `has who shows a certificate show it again after a session was resumed`() async throws {
        let authority = try await TestAuthority()
        let context = try await authority.context { $0.clientCertificates = .requested(caFile: authority.file) }
        try await TestServer.run(tls: context, onRequest: answerWithPath) { server in
            let port = server.server.localAddress.port
            let first = try await authority.client(port, "-tls1_3 -ign_eof -sess_out session")
            #expect(first.output.contains("New Session Ticket arrived"), "\(first)")
            let second = try await authority.client(port, "-tls1_3 -ign_eof -sess_in session")
            #expect(second.output.contains("Reused, ") && !second.output.contains("Ticket arrived"), "\(second)")
        }
    }

    @Test func `resumes sessions after its certificates were read anew, but not without tickets`() async throws {
        let authority = try await TestAuthority()
        let old = try await authority.context()
        try await TestServer.run(tls: old) { server in
            let port = server.server.localAddress.port
            _ = try await authority.client(port, "-ign_eof -sess_out session")
            let files = try await authority.issue("new", for: ["DNS:a.example"])
            var configuration = TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)])
            server.server.tls = try .server(configuration, succeeding: old)
            #expect(try await authority.client(port, "-ign_eof -sess_in session").output.contains("Reused, "))
            configuration.sessionLifetime = .zero
            server.server.tls = try .server(configuration, succeeding: old)
            let fresh = try await authority.client(port, "-ign_eof -sess_in session -sess_out none")
            #expect(fresh.output.contains("New, ") && fresh.output.contains("subject=CN = new"), "\(fresh)")
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"]) func `resumes no session once it has no certificate any more`(
        version: String
    ) async throws {
        let authority = try await TestAuthority()
        let old = try await authority.context()
        try await TestServer.run(tls: old, onRequest: answerWithPath) { server in
            let port = server.server.localAddress.port
            _ = try await authority.client(port, "\(version) -ign_eof -sess_out session")
            var configuration = TLSConfiguration(certificates: [])
            configuration.awaitsCertificates = true
            server.server.tls = try .server(configuration, succeeding: old)
            let outcome = try await authority.client(port, "\(version) -ign_eof -sess_in session")
            #expect(outcome.errors.contains("handshake failure"), "\(outcome)")
            #expect(server.server.counters.resumedHandshakes == 0)
        }
    }

    @Test(arguments: [
        ("-tls1_1 -cipher ALL:@SECLEVEL=0", "protocol version"),
        ("-tls1_2 -cipher AES128-GCM-SHA256", "handshake failure"),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256", "handshake failure"),
        ("-alpn h3,acme-tls/1", "no application protocol"), ("-tls1_3 -groups ffdhe2048", "handshake failure"),
    ])
    func `refuses what is old or unknown`(options: String, alert: String) async throws {
        let authority = try await TestAuthority()
        try await TestServer.run(tls: authority.context()) { server in
            let outcome = try await authority.client(server.server.localAddress.port, options)
            #expect(outcome.status != 0 && outcome.errors.contains(alert), "\(outcome)")
            #expect(server.server.counters.failedHandshakes == 1)
        }
    }

    @Test func `refuses TLS 1.2 if told to`() async throws {
        let authority = try await TestAuthority()
        try await TestServer.run(tls: authority.context { $0.minimumVersion = .tls13 }) { server in
            let outcome = try await authority.client(server.server.localAddress.port, "-tls1_2")
            #expect(outcome.errors.contains("protocol version"), "\(outcome)")
        }
    }

    @Test func `refuses to renegotiate`() async throws {
        let authority = try await TestAuthority()
        try await TestServer.run(tls: authority.context()) { server in
            let outcome = try await authority.client(server.server.localAddress.port, "-tls1_2", asking: "R\n")
            #expect(outcome.errors.contains("no renegotiation"), "\(outcome)")
        }
    }

    @Test(arguments: [("spdy/3,http/1.1", "http/1.1"), ("http/1.1", "http/1.1"), (nil, "none")])
    func `knows what was agreed on when the first request comes`(offer: String?, agreed: String) async throws {
        let authority = try await TestAuthority()
        try await TestServer.run(tls: authority.context(), onRequest: closing) { server in
            let options = offer.map { "-ign_eof -alpn \($0)" } ?? "-ign_eof"
            let outcome = try await authority.client(server.server.localAddress.port, options)
            #expect(outcome.output.contains("\r\n\r\n\(agreed)"), "\(outcome)")
        }
    }

    @Test func `speaks HTTP 2 with a client that asks for it`() async throws {
        let authority = try await TestAuthority()
        try await TestServer.run(tls: authority.context(), onRequest: closing) { server in
            let port = server.server.localAddress.port
            let outcome = try await run([
                "curl", "-sS", "--http2", "--cacert", authority.file, "--resolve", "a.example:\(port):127.0.0.1",
                "-w", " %{http_version}", "https://a.example:\(port)/[1-3]",
            ])
            #expect(outcome.output == "h2 2h2 2h2 2", "\(outcome)")
            #expect(server.server.counters.accepted == 1 && server.server.counters.handshakes == 1)
        }
    }

    @Test func `keeps one connection's certificate while others get the new one`() async throws {
        let authority = try await TestAuthority()
        try await TestServer.run(tls: authority.context()) { server in
            let address = server.server.localAddress
            let context = try TLSContext.client(trusting: .authorities(file: authority.file))
            let client = try HTTPRequester(on: server.loop, tls: context, serverName: "a.example")
            defer { client.close() }
            #expect(try await client.send(.init(.get, "/1"), to: address).status == 200)
            let files = try await authority.issue("b", for: ["DNS:b.example"])
            server.server.tls = try .server(
                TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)]))
            #expect(try await client.send(.init(.get, "/2"), to: address).status == 200)
            #expect(server.server.counters.accepted == 1)
            let other = try HTTPRequester(on: server.loop, tls: context, serverName: "b.example")
            defer { other.close() }
            #expect(try await other.send(.init(.get, "/3"), to: address).status == 200)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A server that asks clients for certificates` {
    private static func subject(
        _ head: MessageHead, _ bytes: RawSpan, _ connection: any HTTPServerStream
    ) {
        let certificate = connection.clientCertificate
        answer(connection, "\(certificate?.subject ?? "nobody") \(certificate?.emailAddresses.first ?? "")")
    }

    @Test(arguments: [false, true])
    func `lets in those that its authorities vouch for`(isRequired: Bool) async throws {
        let (authority, other) = (try await TestAuthority(), try await TestAuthority())
        let alice = try await authority.issue("alice", for: ["email:alice@a.example"], subject: "/O=Example/CN=Alice")
        let mallory = try await other.issue("mallory", for: [])
        let file = authority.file
        let context = try await authority.context {
            $0.clientCertificates = isRequired ? .required(caFile: file) : .requested(caFile: file)
        }
        try await TestServer.run(tls: context, onRequest: Self.subject) { server in
            let port = server.server.localAddress.port
            let known = try await authority.curl(port, "/", "--cert", alice.chain, "--key", alice.key)
            #expect(known.output == "CN=Alice,O=Example alice@a.example", "\(known)")
            let unknown = try await authority.curl(port, "/", "--cert", mallory.chain, "--key", mallory.key)
            #expect(unknown.status != 0 && unknown.output.isEmpty, "\(unknown)")
            let nobody = try await authority.curl(port)
            #expect(isRequired ? nobody.status != 0 : nobody.output == "nobody ", "\(nobody)")
            #expect(server.server.counters.failedHandshakes == (isRequired ? 2 : 1))
        }
    }

    @Test func `knows a client again that resumes, until its authorities change`() async throws {
        let (authority, other) = (try await TestAuthority(), try await TestAuthority())
        try await authority.issue("alice", for: [])
        let configuration = { (file: String) in
            { (settings: inout TLSConfiguration) in
                settings.clientCertificates = .required(caFile: file)
            }
        }
        let old = try await authority.context(configuration(authority.file))
        try await TestServer.run(tls: old, onRequest: Self.subject) { server in
            let port = server.server.localAddress.port
            let options = "-tls1_2 -ign_eof -cert alice.pem -key alice.key"
            _ = try await authority.client(port, "\(options) -sess_out session")
            let again = try await authority.client(port, "-tls1_2 -ign_eof -sess_in session")
            #expect(again.output.contains("Reused, ") && again.output.contains("CN=alice"), "\(again)")
            var changed = TLSConfiguration(
                certificates: [
                    .init(chainFile: "\(authority.folder.path)/a.pem", keyFile: "\(authority.folder.path)/a.key")
                ])
            changed.clientCertificates = .required(caFile: other.file)
            server.server.tls = try .server(changed, succeeding: old)
            let refused = try await authority.client(port, "\(options) -sess_in session")
            #expect(!refused.output.contains("CN=alice "), "\(refused)")
            #expect(server.server.counters.requests == 2)
        }
    }
}
