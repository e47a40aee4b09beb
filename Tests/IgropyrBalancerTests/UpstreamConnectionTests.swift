import Glibc
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

/// A balancer in front of one worker that listens as `listening` has it, spoken to as `connection` has it.
private func withWorker(
    _ connection: UpstreamConnection, tls: TLSContext? = nil, serverNames: [String] = [],
    _ listening: (inout HTTPServerSettings) -> Void = { _ in },
    _ body: (Fixture, TestWorker) async throws -> Void
) async throws {
    let worker = try TestWorker("w")
    var settings = HTTPServerSettings()
    settings.idleTimeout = .seconds(60)
    listening(&settings)
    try await worker.start(settings, tls: tls)
    var names: [SocketAddress: String] = [:]
    for name in serverNames { names[worker.address] = name }
    let kind = try connection.kind(serverNames: names)
    let outcome: Result<Void, any Error>
    do {
        try await withBalancer(workers: 0, knowsWorkers: false) {
            $0.application.connections = kind
            $0.insight.admin = .loopback(port: 0)
        } _: { fixture in
            fixture.use([worker.address])
            try await body(fixture, worker)
        }
        outcome = .success(())
    } catch {
        outcome = .failure(error)
    }
    try await worker.stop()
    try outcome.get()
}

@Test(arguments: [ProxyHeader.Version.v1, .v2]) func `workers are told the client, each on connections of its own`(
    version: ProxyHeader.Version
) async throws {
    var connection = UpstreamConnection()
    connection.proxyProtocol = version
    try await withWorker(connection) {
        $0.proxyProtocol = .required(from: [IPNetwork("127.0.0.0/8")!])
    } _: { fixture, worker in
        let clients = [try fixture.client(), try fixture.client()]
        for client in clients + clients + clients.reversed() { #expect(try client.get("/").text == "w") }
        let seen = worker.seen.withLock { $0.map(\.client) }
        let (first, second) = (clients[0].address, clients[1].address)
        #expect(seen == [first, second, first, second, second, first] && first != second)
        #expect(await worker.connectionCount == 2)
    }
}

/// What is expected of a worker that shows a certificate for `worker.example` and 127.0.0.1, and whether it gets
/// requests.
private let proofs: [(tls: @Sendable (String) -> UpstreamConnection.TLS, serverNames: [String], isServed: Bool)] = [
    ({ proof($0) }, [], true),
    ({ proof($0, name: "worker.example") }, [], true),
    ({ proof($0) }, ["worker.example"], true),
    ({ proof($0, name: "other.example") }, [], false),
    ({ proof($0) }, ["other.example"], false),
    ({ _ in proof(nil) }, [], false),
    ({ _ in proof(nil, isVerified: false) }, [], true),
    ({ _ in proof(nil, name: "other.example", isVerified: false) }, [], true),
]

private func proof(_ authority: String?, name: String? = nil, isVerified: Bool = true) -> UpstreamConnection.TLS {
    var tls = UpstreamConnection.TLS()
    (tls.authorityFile, tls.serverName, tls.isVerified) = (authority, name, isVerified)
    return tls
}

@Test(arguments: proofs.indices) func `requests go to workers by TLS that prove what is asked of them`(
    row: Int
) async throws {
    let authority = try await TestAuthority()
    let files = try await authority.issue("w", for: ["DNS:worker.example", "IP:127.0.0.1"])
    let context = try TLSContext.server(
        TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)]))
    let proof = proofs[row]
    var connection = UpstreamConnection()
    connection.tls = proof.tls(authority.file)
    try await withWorker(connection, tls: context, serverNames: proof.serverNames) { fixture, worker in
        let client = try fixture.client()
        for _ in 0..<3 {
            let answer = try client.get("/")
            #expect(answer.status == (proof.isServed ? 200 : 502), "\(answer.text)")
        }
        #expect(worker.seen.withLock { $0.map(\.isEncrypted) } == (proof.isServed ? [true, true, true] : []))
        if proof.isServed { #expect(await worker.connectionCount == 1) }
    }
}

@Test func `a worker without TLS gets nothing in plain text, and the measures say why`() async throws {
    var connection = UpstreamConnection()
    connection.tls = proof(nil)
    try await withWorker(connection) { fixture, worker in
        #expect(try fixture.client().exchange(post("secret")).status == 502)
        #expect(worker.seen.withLock { $0.isEmpty })
        let report = try #require(await fixture.balancer.report(within: .seconds(10)))
        let failures = report.applications.values.flatMap(\.workers.values).map(\.measures.failures)
        #expect(failures.map { $0[ExchangeFailure.handshakeFailed.rawValue] }.reduce(0, +) > 0, "\(failures)")
    }
}

@Test(arguments: [false, true]) func `a worker that says nothing to a handshake has failed at that`(
    isHTTP2: Bool
) async throws {
    let silent = try ListeningSocket.open(.loopback(port: 0))
    defer { Descriptor.close(silent) }
    let address = try #require(ListeningSocket.localAddress(of: silent))
    var connection = UpstreamConnection()
    connection.tls = proof(nil)
    connection.isHTTP2 = isHTTP2
    try await withBalancer(workers: 0, knowsWorkers: false, { $0.insight.admin = .loopback(port: 0) }) { fixture in
        var application = fixture.application
        application.responseTimeout = .seconds(2)
        application.connections = try connection.kind()
        fixture.balancer.update(.fixed([address], application))
        #expect(try fixture.get("/").status == 504)
        let report = try #require(await fixture.balancer.report(within: .seconds(10)))
        let failures = try #require(report.applications["upstream"]?.measures.failures)
        #expect(failures[ExchangeFailure.handshakeFailed.rawValue] == 1, "\(failures)")
    }
}

private func post(_ body: String) -> String {
    "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

@Test func `nginx takes the PROXY header before TLS`() async throws {
    let authority = try await TestAuthority()
    let files = try await authority.issue("w", for: ["IP:127.0.0.1"])
    let port = try ReservedPort()
    let front = port.address
    let nginx = try nginx(
        """
        server {
          listen \(front) ssl proxy_protocol; ssl_protocols TLSv1.3;
          ssl_certificate \(files.chain); ssl_certificate_key \(files.key);
          location / { return 200 "$proxy_protocol_addr:$proxy_protocol_port $https $ssl_protocol"; }
        }
        """, in: authority.folder)
    defer { withExtendedLifetime(port) { nginx.signal(SIGTERM) } }
    var connection = UpstreamConnection()
    connection.tls = proof(authority.file)
    connection.proxyProtocol = .v2
    let kind = try connection.kind()
    try await withBalancer(workers: 0, knowsWorkers: false) {
        $0.application.connections = kind
    } _: { fixture in
        fixture.use([front])
        try await eventually("nginx answers: \(nginx.errors)") { try fixture.get("/").status == 200 }
        let client = try fixture.client()
        let address = try #require(client.address)
        for _ in 0..<2 {
            let text = try client.get("/").text
            #expect(text == "\(address) on TLSv1.3")
        }
    }
}

/// nginx with these servers, in the foreground. At its end it removes its `pid` file, which so must not be a device.
func nginx(_ servers: String, in folder: TemporaryFolder) throws -> BackgroundCommand {
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder.path)/\($0);" }
    let configuration = """
        daemon off; master_process off; pid \(folder.path)/pid; error_log stderr;
        events {}
        http { access_log off; \(paths.joined(separator: " "))
        \(servers)
        }
        """
    return try BackgroundCommand(["/usr/sbin/nginx", "-e", "stderr", "-c", "/dev/stdin"], input: configuration)
}
