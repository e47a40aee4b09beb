import IgropyrCluster
import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import Igropyr
@testable import IgropyrBalancer

private let shop = ApplicationName(rawValue: "shop")!
private let (old, new) = (key(7), key(8))

private func key(_ byte: UInt8) -> ClusterKey { ClusterKey(bytes: [UInt8](repeating: byte, count: 32))! }

/// What a cluster offers in which each worker is a host's only one.
private func view(_ workers: [(address: SocketAddress, isEncrypted: Bool?)]) throws -> ClusterView {
    let day = UnixTime(milliseconds: 1_750_000_000_000)
    var (state, clock) = (ReplicatedState(), HybridClock(host: try HostName("me")))
    let revision = try BundleDigest(String(repeating: "a", count: 64))
    _ = try state.deploy(shop, DeploymentSpec(revision: revision, kind: .site), at: day, clock: &clock)
    let records = try workers.enumerated().map { number, worker in
        HostRecord(
            name: try HostName("host-\(number)"), version: .init(epoch: 1, counter: 0), address: "127.0.0.1",
            controlPort: 7947, cores: 1,
            workers: [
                WorkerRecord(
                    application: shop, index: 0, revision: revision, address: worker.address.hostText,
                    port: worker.address.port, state: .ready, isEncrypted: worker.isEncrypted)
            ])
    }
    _ = state.apply(StateDelta(hosts: records), at: day, clock: &clock)
    return ClusterView(state, alive: Set(records.map(\.name)))
}

/// An application as a node starts it, with keys in a file.
private struct EncryptedApp {
    let server: RunningServer
    private let folder: TemporaryFolder

    /// It answers with `name` and what it is sent.
    init(_ name: String, keys: [ClusterKey]) async throws {
        folder = try TemporaryFolder()
        try Self.write(keys, in: folder)
        let app = App()
        app.loops = 1
        app.server.idleTimeout = .seconds(60)
        app.get("/**") { _ in name }
        app.post("/**") { request in
            "\(name) \(String(decoding: try await request.body(upTo: 1 << 20), as: UTF8.self))"
        }
        app.webSocket("/echo") { _, socket in
            for try await message in socket.messages { try await socket.send(message) }
        }
        server = try await app.start(.address(.loopback(port: 0)), keyFile: "\(folder.path)/keys")
    }

    func use(_ keys: [ClusterKey]) async throws {
        try Self.write(keys, in: folder)
        try await server.reloadTLS()
    }

    private static func write(_ keys: [ClusterKey], in folder: TemporaryFolder) throws {
        let bytes = PreSharedKeyFile.bytes(keys.map { $0.worker(of: shop) })
        _ = try folder.write("keys", String(decoding: bytes, as: UTF8.self))
    }
}

/// A balancer before one encrypted application, which has `keys`.
private func withEncryptedApp(
    keys: [ClusterKey] = [old], _ change: (inout BalancerSettings) -> Void = { _ in },
    _ body: (Fixture, EncryptedApp) async throws -> Void
) async throws {
    let app = try await EncryptedApp("app", keys: keys)
    try await withBalancer(
        workers: 1, knowsWorkers: false,
        {
            $0.insight.admin = .loopback(port: 0)
            change(&$0)
        }
    ) { fixture in try await body(fixture, app) }
    try await app.server.stop()
}

extension Fixture {
    /// Has it go by what the cluster offers, with these keys.
    fileprivate func use(
        _ workers: [(address: SocketAddress, isEncrypted: Bool?)], keys: [ClusterKey]
    ) throws {
        let view = try view(workers)
        balancer.update(
            UpstreamSnapshot(view, defaults: application, keys: keys, reusing: balancer.snapshot))
    }

    fileprivate func handshakeFailures() async throws -> UInt64 {
        let report = try #require(await balancer.report(within: .seconds(10)))
        let failures = report.applications.values.flatMap(\.workers.values).map(\.measures.failures)
        return failures.map { $0[ExchangeFailure.handshakeFailed.rawValue] }.reduce(0, +)
    }
}

@Test(arguments: [false, true]) func `requests reach an encrypted application, by either version of HTTP`(
    isHTTP2: Bool
) async throws {
    var connection = UpstreamConnection()
    connection.isHTTP2 = isHTTP2
    let kind = try connection.kind()
    try await withEncryptedApp {
        $0.application.connections = kind
    } _: { fixture, app in
        try fixture.use([(app.server.address, true)], keys: [old])
        let client = try fixture.client()
        for number in 0..<3 { #expect(try client.get("/\(number)").text == "app") }
        let body = String(repeating: "x", count: 100_000)
        let answer = try client.exchange(
            "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        #expect(answer.text == "app \(body)")
        let report = try #require(await fixture.balancer.report(within: .seconds(10)))
        #expect(report.upstreamConnections == 1)
        try await WebSocket.connect(to: "ws://\(fixture.balancer.address)/echo") { socket in
            try await socket.send("hello")
            #expect(try await socket.receive() == .text("hello"))
        }
    }
}

@Test func `while both kinds of workers run, each is spoken to in its way`() async throws {
    try await withEncryptedApp { fixture, app in
        let plain = fixture.workers[0]
        try fixture.use([(app.server.address, true), (plain.address, nil)], keys: [old])
        let client = try fixture.client()
        let texts = try (0..<100).map { try client.get("/\($0)").text }
        #expect(Set(texts) == ["app", "worker-0"])
        #expect(try await fixture.handshakeFailures() == 0)
    }
}

@Test func `a worker that is said to be encrypted, and is not, gets nothing in plain text`() async throws {
    try await withEncryptedApp { fixture, _ in
        let plain = fixture.workers[0]
        try fixture.use([(plain.address, true)], keys: [old])
        #expect(try fixture.get("/secret").status == 502)
        #expect(plain.seen.withLock { $0.isEmpty })
        try fixture.use([(plain.address, nil)], keys: [old])
        #expect(try fixture.get("/").text == "worker-0", "without, it is another worker, and well")
        try fixture.use([(plain.address, true)], keys: [])
        let lost = try fixture.get("/secret")
        #expect(lost.status == 503 && plain.seen.withLock { $0.count } == 1, "without a key there is no worker")
    }
}

@Test func `while the cluster's keys change no request fails, whoever hears of it first`() async throws {
    try await withEncryptedApp { fixture, app in
        let workers = [(address: app.server.address, isEncrypted: true as Bool?)]
        func answers(_ keys: [ClusterKey]) throws -> Bool {
            try fixture.use(workers, keys: keys)
            let client = try fixture.client()
            return try (0..<5).allSatisfy { try client.get("/\($0)").text == "app" }
        }
        #expect(try answers([old]))
        #expect(try answers([new, old]), "the worker does not know the new one yet: the next is shown")
        #expect(try await fixture.handshakeFailures() > 0)
        let before = try await fixture.handshakeFailures()
        try await app.use([old, new])
        #expect(try answers([new]))
        try await app.use([new])
        #expect(try answers([new]))
        #expect(try await fixture.handshakeFailures() == before)
        #expect(await fixture.balancer.counters.retries == 0)
        try fixture.use(workers, keys: [old])
        #expect(try fixture.get("/").status == 502, "the old one is taken no more")
    }
}

@Test func `of keys that stay, connections stay`() throws {
    let plain = HTTPConnectionKind.plain
    func make(_ keys: [ClusterKey], _ previous: WorkerEncryption?) throws -> WorkerEncryption {
        try #require(WorkerEncryption.make(for: shop, plain, keys: keys, reusing: previous))
    }
    let first = try make([old], nil)
    let second = try make([new, old], first)
    #expect(second.kinds.count == 2 && second.kinds[1] === first.kinds[0])
    #expect(try make([new, old], second) === second)
    #expect(try make([new], second).kinds[0] === second.kinds[0])
    let other = try #require(
        WorkerEncryption.make(for: shop, HTTPConnectionKind(proxyProtocol: .v2), keys: [new, old], reusing: second))
    #expect(other.kinds.allSatisfy { $0.proxyProtocol == .v2 } && other.kinds[0] !== second.kinds[0])
    #expect(WorkerEncryption.make(for: shop, plain, keys: [], reusing: second) == nil)
}
