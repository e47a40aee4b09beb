import FoundationEssentials
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

@Suite struct `A listener that awaits the cluster's certificates` {
    /// What curl says of one request, to a server that the authority has vouched for.
    private func ask(_ fixture: Fixture, _ server: String, _ authority: TestAuthority) async throws -> String {
        let port = fixture.balancer.address.port
        let outcome = try await run([
            "curl", "--silent", "--show-error", "--max-time", "60", "--noproxy", "*", "--cacert", authority.file,
            "--resolve", "\(server):\(port):127.0.0.1", "--write-out", " %{http_code}", "--output", "/dev/null",
            "https://\(server):\(port)/",
        ])
        return outcome.errors + outcome.output
    }

    private func certificate(_ authority: TestAuthority, _ server: String) async throws -> TLSConfiguration.Certificate
    {
        let files = try await authority.issue(server, for: ["DNS:\(server)"])
        return TLSConfiguration.Certificate(chainFile: files.chain, keyFile: files.key)
    }

    @Test func `has clients wait for them, shows those that it is given, and goes on when one cannot be read`()
        async throws
    {
        let authority = try await TestAuthority()
        let (first, second) = (try await certificate(authority, "a.test"), try await certificate(authority, "b.test"))
        try await withBalancer(workers: 1) {
            $0.listeners[0].tls = .cluster
        } _: { fixture in
            async let early = ask(fixture, "a.test", authority)
            // The client has connected: the kernel does that alone.
            try await eventually("it waits") { try TCPBacklog.count(at: fixture.balancer.address.port) == 1 }
            #expect(await fixture.balancer.counters.accepted == 0)
            try fixture.balancer.reloadCertificates()
            #expect(await fixture.balancer.counters.accepted == 0, "there are none yet")
            try fixture.balancer.use([first])
            #expect(try await early == " 200")
            #expect(try await ask(fixture, "b.test", authority).contains("b.test"), "it has no certificate for that")
            try fixture.balancer.use([first, second])
            #expect(try await ask(fixture, "b.test", authority) == " 200")
            try fixture.balancer.reloadCertificates()
            #expect(try await ask(fixture, "b.test", authority) == " 200")
            #expect(throws: TLSError.self) { try fixture.balancer.use([.held("c", pem: [])]) }
            #expect(try await ask(fixture, "a.test", authority) == " 200")
            try fixture.balancer.use([])
            #expect(try await ask(fixture, "a.test", authority).contains("handshake failure"))
        }
    }

    @Test func `shows them though another listener's files cannot be read`() async throws {
        let authority = try await TestAuthority()
        let given = try await certificate(authority, "a.test")
        let files = try await authority.issue("b.test", for: ["DNS:b.test"])
        try await withBalancer(workers: 1) {
            $0.listeners[0].tls = .cluster
            var other = BalancerListener(.address(.loopback(port: 0)))
            other.tls = TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)])
            $0.listeners.append(other)
        } _: { fixture in
            try FileManager.default.removeItem(atPath: files.key)
            #expect(throws: TLSError.self) { try fixture.balancer.reloadCertificates() }
            try fixture.balancer.use([given])
            #expect(try await ask(fixture, "a.test", authority) == " 200")
        }
    }
}

/// Connections that the kernel has made for a listening socket, and nobody has accepted.
private enum TCPBacklog {
    static func count(at port: UInt16) throws -> Int {
        let hex = String(port, radix: 16, uppercase: true)
        let end = ":" + String(repeating: "0", count: 4 - hex.count) + hex
        let lines = try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8).split(separator: "\n")
        let listening = lines.map { $0.split(separator: " ") }
            .filter { $0.count > 4 && $0[1].hasSuffix(end) && $0[3] == "0A" }
        return listening.reduce(0) { $0 + (Int($1[4].split(separator: ":").last ?? "", radix: 16) ?? 0) }
    }
}
