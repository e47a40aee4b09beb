import TestSupport
import Testing

@testable import IgropyrTransport

/// A server's and a client's session, in memory.
private func wire(
    _ configuration: TLSConfiguration, _ authority: TestAuthority, asking name: String = "a.example",
    server: [String] = ["http/1.1"], client: [String] = ["http/1.1"], step: Int = .max
) throws -> Wire {
    let serverContext = try TLSContext.server(configuration, applicationProtocols: server)
    let clientContext = try TLSContext.client(
        trusting: .authorities(file: authority.file), applicationProtocols: client)
    return Wire(
        client: try TLSSession(clientContext, serverName: name), server: try TLSSession(serverContext), step: step)
}

extension TestAuthority {
    fileprivate func configuration(_ names: String...) -> TLSConfiguration {
        TLSConfiguration(
            certificates: names.map {
                .init(chainFile: "\(folder.path)/\($0).pem", keyFile: "\(folder.path)/\($0).key")
            })
    }
}

@Suite(.timeLimit(.minutes(5))) struct `TLS sessions with certificates` {
    @Test(arguments: [1, 7, Int.max]) func `exchange data both ways however the wire cuts it`(step: Int) async throws {
        let authority = try await TestAuthority()
        try await authority.issue("a", for: ["DNS:a.example"])
        var wire = try wire(authority.configuration("a"), authority, step: step)
        wire.run()
        #expect(
            wire.clientError == nil && wire.serverError == nil, "\(wire.clientError as Any) \(wire.serverError as Any)")
        #expect(wire.client.negotiatedProtocol == "http/1.1" && wire.server.negotiatedProtocol == "http/1.1")
        let message = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        try wire.client.send(message)
        try wire.server.send(message)
        wire.run()
        #expect(wire.atServer == message && wire.atClient == message)
        #expect(wire.client.peerCertificate?.subject == "CN=a")
        #expect(wire.client.peerCertificate?.dnsNames == ["a.example"])
        #expect(wire.server.peerCertificate == nil)
    }

    @Test(
        arguments: [
            (server: ["h2", "http/1.1"], client: ["http/1.1", "h2"], agreed: "h2"),
            (["http/1.1"], ["h2", "http/1.1"], "http/1.1"),
            (["h2", "http/1.1"], ["http/1.1"], "http/1.1"),
            (["h2"], [], nil),
            ([], ["h2"], nil),
        ] as [(server: [String], client: [String], agreed: String?)])
    func `agree on the protocol that the server prefers`(
        server: [String], client: [String], agreed: String?
    ) async throws {
        let authority = try await TestAuthority()
        try await authority.issue("a", for: ["DNS:a.example"])
        var wire = try wire(authority.configuration("a"), authority, server: server, client: client)
        wire.run()
        #expect(
            wire.clientError == nil && wire.serverError == nil, "\(wire.clientError as Any) \(wire.serverError as Any)")
        #expect(wire.client.negotiatedProtocol == agreed && wire.server.negotiatedProtocol == agreed)
    }

    @Test func `end when the client speaks none of the server's protocols`() async throws {
        let authority = try await TestAuthority()
        try await authority.issue("a", for: ["DNS:a.example"])
        var wire = try wire(authority.configuration("a"), authority, client: ["acme-tls/1"])
        wire.run()
        #expect(wire.serverError != nil && wire.clientError?.code == .refusedByPeer)
    }

    @Test func `end when the certificate is for another name or of another authority`() async throws {
        let (authority, other) = (try await TestAuthority(), try await TestAuthority())
        try await authority.issue("a", for: ["DNS:a.example"])
        let configuration = authority.configuration("a")
        for (trusted, name, reason) in [
            (authority, "b.example", "hostname mismatch"), (authority, "127.0.0.1", "IP address mismatch"),
            (other, "a.example", "unable to get local issuer certificate"),
        ] {
            var wire = try wire(configuration, trusted, asking: name)
            wire.run()
            #expect(wire.clientError?.code == .untrustedPeer)
            #expect(wire.clientError?.description.contains(reason) == true, "\(String(describing: wire.clientError))")
            #expect(wire.client.state == .failed && wire.server.readError() != nil || wire.serverError != nil)
        }
    }

    @Test func `end when the certificate has expired, of which the server was warned`() async throws {
        let authority = try await TestAuthority()
        let files = try await authority.issue("a", for: ["DNS:a.example"], days: 0)
        let configuration = authority.configuration("a")
        let warnings = try TLSContext.server(configuration).warnings
        guard case .expired(files.chain, _)? = warnings.first else {
            Issue.record("\(warnings)")
            return
        }
        var wire = try wire(configuration, authority)
        wire.run()
        #expect(wire.clientError?.description.contains("certificate has expired") == true)
    }

    @Test func `need to know whom to expect`() async throws {
        let authority = try await TestAuthority()
        let context = try TLSContext.client(trusting: .authorities(file: authority.file))
        #expect(throws: TLSError.self) { _ = try TLSSession(context) }
    }

    @Test(arguments: [
        ("a.example", "CN=a"), ("A.Example", "CN=a"), ("b.example", "CN=b"), ("x.b.example", "CN=b"),
        ("c.example", "CN=c"), ("x.y.b.example", nil), ("unknown.example", nil),
    ])
    func `show the certificate that the client asks for, or else the first`(
        name: String, subject: String?
    ) async throws {
        let authority = try await TestAuthority()
        try await authority.issue("a", for: ["DNS:a.example"])
        try await authority.issue("b", for: ["DNS:b.example", "DNS:*.b.example"])
        try await authority.issue("c", for: ["DNS:c.example"], key: "rsa:2048")
        var wire = try wire(authority.configuration("a", "b", "c"), authority, asking: name)
        wire.run()
        if let subject {
            #expect(wire.clientError == nil && wire.client.peerCertificate?.subject == subject)
        } else {  // It got the first, which is not for it.
            #expect(wire.clientError?.description.contains("hostname mismatch") == true)
        }
    }
}
