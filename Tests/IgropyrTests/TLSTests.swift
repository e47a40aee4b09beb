import FoundationEssentials
import Glibc
import Igropyr
import IgropyrTransport
import IgropyrUV
import Logging
import TestSupport
import Testing

extension TestAuthority {
    /// An application's certificate, in the files that it reads; issued anew at each call.
    fileprivate func configuration(for name: String = "a.example") async throws -> TLSConfiguration {
        let files = try await issue("app", for: ["DNS:\(name)", "DNS:a.example"], subject: "/CN=\(name)")
        return TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)])
    }
}

/// Runs an application by TLS, and gives a client that trusts it.
private func withApp(
    _ authority: TestAuthority, _ configuration: TLSConfiguration, logger: Logger = Logger(label: "test"),
    _ configure: (App) -> Void, _ body: @escaping @Sendable (HTTPRequester, RunningServer) async throws -> Void
) async throws {
    let app = App()
    app.logger = logger
    app.loops = 2
    app.tls = configuration
    configure(app)
    let server = try await app.start()
    let context = try TLSContext.client(trusting: .authorities(file: authority.file))
    try await onLoop { loop in
        let client = try HTTPRequester(on: loop, tls: context, serverName: "a.example")
        defer { client.close() }
        try await body(client, server)
    }
    try await server.stop()
}

@Suite(.timeLimit(.minutes(5))) struct `An application by TLS` {
    @Test func `serves files whole`() async throws {
        let authority = try await TestAuthority()
        let folder = try TemporaryFolder()
        let text = String((0..<3_000_000).map { Character(UnicodeScalar(UInt8(0x20 + $0 % 90))) })
        try folder.write("large.txt", text, mode: 0o644)
        try await withApp(authority, authority.configuration(), { $0.files("/", from: folder.path) }) {
            client, server in
            let response = try await client.send(.init(.get, "/large.txt"), to: server.address)
            #expect(response.status == 200 && response.text == text)
        }
    }

    @Test func `tells handlers who the client is`() async throws {
        let authority = try await TestAuthority()
        var configuration = try await authority.configuration()
        configuration.clientCertificates = .requested(caFile: authority.file)
        let alice = try await authority.issue("alice", for: ["URI:spiffe://example/alice", "DNS:alice.example"])
        try await withApp(
            authority, configuration,
            { app in
                app.get("/") { request in
                    guard let certificate = request.clientCertificate else { return "\(request.isEncrypted) nobody" }
                    return "\(certificate.commonName ?? "") \(certificate.uris) \(certificate.dnsNames)"
                }
            },
            { client, server in
                #expect(try await client.send(.init(.get, "/"), to: server.address).text == "true nobody")
                let port = server.address.port
                let outcome = try await run([
                    "curl", "-sS", "--cacert", authority.file, "--resolve", "a.example:\(port):127.0.0.1", "--cert",
                    alice.chain, "--key", alice.key, "https://a.example:\(port)/",
                ])
                #expect(outcome.output == #"alice ["spiffe://example/alice"] ["alice.example"]"#, "\(outcome)")
            })
    }

    @Test func `does not start with files that cannot be used`() async throws {
        let app = App()
        app.tls = TLSConfiguration(certificates: [.init(chainFile: "/nowhere/a.pem", keyFile: "/nowhere/a.key")])
        let error = await #expect(throws: TLSError.self) { _ = try await app.start() }
        #expect(error?.description.contains("/nowhere/a.pem") == true)
    }

    @Test func `reads its certificates anew, or keeps the old ones and throws`() async throws {
        let authority = try await TestAuthority()
        try await withApp(
            authority, authority.configuration(), { $0.get("/") { _ in "hello" } },
            { client, server in
                let address = server.address
                #expect(try await client.send(.init(.get, "/"), to: address).text == "hello")
                try authority.folder.write("app.pem", "nothing")
                let error = await #expect(throws: TLSError.self) { try await server.reloadTLS() }
                #expect(error?.code == .unusableFile)
                let context = try TLSContext.client(trusting: .authorities(file: authority.file))
                let other = try HTTPRequester(on: client.pool.loop, tls: context, serverName: "b.example")
                defer { other.close() }
                await #expect(throws: HTTPClientFailure.self) {
                    _ = try await other.send(.init(.get, "/"), to: address)
                }
                _ = try await authority.configuration(for: "b.example")
                try await server.reloadTLS()
                #expect(try await other.send(.init(.get, "/"), to: address).text == "hello")
                #expect(try await client.send(.init(.get, "/"), to: address).text == "hello")
            })
    }

    @Test func `warns of certificates that clients will refuse`() async throws {
        let authority = try await TestAuthority()
        let files = try await authority.issue("old", for: ["DNS:a.example"], days: 0)
        let log = KeptLog()
        let configuration = TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)])
        try await withApp(authority, configuration, logger: log.logger, { _ in }) { _, _ in }
        let warning = try #require(log.entries.first)
        #expect(warning.text == "warning a certificate needs attention")
        #expect(warning.metadata["reason"]?.hasPrefix("the certificate in \(files.chain) has expired") == true)
    }

    @Test func `fails no request while its certificates are read anew again and again`() async throws {
        let authority = try await TestAuthority()
        try await withApp(
            authority, authority.configuration(), { $0.get("/") { _ in "hello" } },
            { client, server in
                let loop = client.pool.loop
                let isOver = Locked(false)
                let reloads = Task {
                    var count = 0
                    repeat {
                        try await server.reloadTLS()
                        count += 1
                    } while !isOver.withLock { $0 }
                    return count
                }
                let context = try TLSContext.client(trusting: .authorities(file: authority.file))
                for _ in 0..<40 {  // Each a handshake of its own, then two requests.
                    let caller = try HTTPRequester(on: loop, tls: context, serverName: "a.example")
                    defer { caller.close() }
                    for _ in 0..<2 {
                        #expect(try await caller.send(.init(.get, "/"), to: server.address).text == "hello")
                    }
                }
                isOver.withLock { $0 = true }
                #expect(try await reloads.value > 0)
            })
    }
}

/// `igropyr serve` as a child process, with its log in a file.
private final class ServeProcess {
    let port: UInt16
    private let folder: TemporaryFolder
    private let child: ChildProcess
    let ended = Signal()

    init(on loop: EventLoop, _ configuration: TLSConfiguration) throws {
        folder = try TemporaryFolder()
        let socket = try ListeningSocket.open(.loopback(port: 0))
        defer { Descriptor.close(socket) }
        port = ListeningSocket.localAddress(of: socket)!.port
        try folder.write("index.html", "hello", mode: 0o644)
        let files = configuration.certificates.flatMap { certificate in
            guard case .files(let chain, let key) = certificate else { return [String]() }
            return ["--tls-certificate", chain, "--tls-key", key]
        }
        let log = try folder.write("log", "")
        let ended = ended
        child = try ChildProcess(
            on: loop,
            ChildProcess.Command(
                executable: "/bin/sh",
                arguments: ["-c", "LISTEN_PID=$$ exec \"$@\" 2>>\"$0\"", log, Self.path, "serve", folder.path] + files,
                environment: ["LISTEN_FDS": "1"], descriptors: [nil, nil, nil, socket])
        ) { _ in ended.send() }
    }

    /// Beside the test bundle.
    private static var path: String {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/igropyr"
    }

    var log: String { (try? folder.read("log")) ?? "" }

    func signal(_ number: Int32) { child.signal(number) }

    func close() {
        child.signal(SIGKILL)
        child.close()
    }

    /// The subject of the certificate that it shows; its log tells what it has read.
    func subject() async throws -> String {
        try await run(["openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-servername", "a.example"]).output
            .split(separator: "\n").first { $0.hasPrefix("subject=") }.map(String.init) ?? "none"
    }

    /// Waits until the log contains `words`.
    func logs(_ words: String) async throws { try await eventually("the log says: \(words)") { log.contains(words) } }
}

@Suite(.timeLimit(.minutes(5))) struct `igropyr serve by TLS` {
    @Test func `reads its files anew at SIGHUP, and says why if it cannot`() async throws {
        let authority = try await TestAuthority()
        let configuration = try await authority.configuration(for: "one.example")
        try await onLoop { loop in
            let process = try ServeProcess(on: loop, configuration)
            defer { process.close() }
            #expect(try await process.subject() == "subject=CN = one.example")
            try await process.logs("https://127.0.0.1:\(process.port)")

            _ = try await authority.configuration(for: "two.example")
            process.signal(SIGHUP)
            try await process.logs("read anew")
            #expect(try await process.subject() == "subject=CN = two.example")

            try authority.folder.write("app.key", "nothing")
            process.signal(SIGHUP)
            try await process.logs("the old certificates or keys stay")
            #expect(process.log.contains("app.key holds no private key"))
            #expect(try await process.subject() == "subject=CN = two.example")

            process.signal(SIGTERM)
            await process.ended.wait()
        }
    }
}
