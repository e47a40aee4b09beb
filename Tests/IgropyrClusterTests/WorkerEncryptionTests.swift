import Glibc
import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV
import Logging
import TestSupport
import Testing

@testable import IgropyrCluster

private let slot = WorkerSlot(application: .shop, host: HostName(rawValue: "a")!, index: 0)
private let (old, new) = (key(7), key(8))

private func key(_ byte: UInt8) -> ClusterKey { ClusterKey(bytes: [UInt8](repeating: byte, count: 32))! }

/// `igropyr`, which lies beside the test bundle.
private func igropyr() throws -> String {
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
    return try FileSystem.resolved(FileSystem.parent(of: bundle) + "/igropyr")
}

@Suite(.timeLimit(.minutes(5))) struct `An encrypted worker` {
    private let folder: TemporaryFolder
    private let store: BundleStore

    init() throws {
        folder = try TemporaryFolder()
        store = try BundleStore(openingAt: folder("bundles"))
        try FileSystem.createFolders(folder("logs"), permissions: 0o700)
    }

    /// A folder of files, which `igropyr serve` serves.
    private func site() throws -> DeploymentSpec {
        try folder.write("hello", to: "site/index.html", permissions: 0o644)
        return try spec(of: folder("site"))
    }

    private func spec(of path: String) throws -> DeploymentSpec {
        let summary = try BundleArchive.create(from: path, to: folder("bundle.tar"))
        try store.take(summary, from: folder("bundle.tar"))
        var spec = SampleWorker.spec(summary)
        spec.isEncrypted = true
        return spec
    }

    private func withSupervisor(
        keys: [ClusterKey] = [old],
        _ body: @escaping @Sendable (WorkerSupervisor, EventLoop) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let settings = WorkerSettings(
                launcher: SampleWorker.settings.launcher, siteServer: [try igropyr(), "serve"])
            let supervisor = WorkerSupervisor(
                .init(
                    host: slot.host, address: .loopback(port: 0), advertisedHost: "127.0.0.1", settings: settings,
                    logFolder: folder("logs"),
                    site: .init(dataFolder: folder.path, host: HostConfinement(groups: nil)), keys: Locked(keys),
                    clusterKeys: keys, logger: logger),
                store: store, on: loop
            ) {}
            try await supervisor.open()
            try await body(supervisor, loop)
            await supervisor.stopAll()
            await supervisor.close()
        }
    }

    private func isReady(_ supervisor: WorkerSupervisor) async -> Bool {
        await supervisor.records().map(\.state) == [.ready]
    }

    /// Whether the worker answers one who shows that key on a connection of his own; plain text without.
    private func answers(_ key: ClusterKey?, _ supervisor: WorkerSupervisor, _ loop: EventLoop) async throws -> Bool {
        let kind = try key.map { try HTTPConnectionKind.plain.secured(by: $0.worker(of: .shop)) } ?? .plain
        let client = try HTTPRequester(on: loop, kind: kind)
        defer { client.close() }
        guard let port = await supervisor.records().first?.port else { return false }
        return (try? await client.send(.init(.get, "/"), to: .loopback(port: port)).status) == 200
    }

    @Test(arguments: [nil, HealthCheck(.http(path: "/")), HealthCheck(.tcp)])
    func `takes requests under keys made from the cluster's, and no others`(health: HealthCheck?) async throws {
        var deployment = try site()
        deployment.health = health
        let spec = deployment.worker
        try await withSupervisor { supervisor, loop in
            try await supervisor.start(slot, spec)
            #expect(await eventually { await isReady(supervisor) })
            #expect(await supervisor.records().map(\.isEncrypted) == [true])
            #expect(try await answers(old, supervisor, loop))
            #expect(try await !answers(new, supervisor, loop))
            #expect(try await !answers(nil, supervisor, loop))
        }
    }

    @Test func `hears of the cluster's new keys without a restart`() async throws {
        var deployment = try site()
        deployment.health = HealthCheck(.http(path: "/"), intervalMilliseconds: 20, timeoutMilliseconds: 60_000)
        let spec = deployment.worker
        try await withSupervisor { supervisor, loop in
            try await supervisor.start(slot, spec)
            #expect(await eventually { await isReady(supervisor) })
            let before = await supervisor.records()
            await supervisor.use([old, new])
            #expect(try await eventually { try await answers(new, supervisor, loop) })
            #expect(try await answers(old, supervisor, loop))
            await supervisor.use([new, old])
            await supervisor.use([new])
            #expect(try await eventually { try await !answers(old, supervisor, loop) })
            #expect(try await answers(new, supervisor, loop))
            #expect(await supervisor.records().map(\.pid) == before.map(\.pid))
            #expect(await supervisor.records().map(\.restarts) == [0])
            let places = try FileSystem.names(in: folder("run")).map { folder("run/\($0)/keys") }
            #expect(try places.map { try FileSystem.status(of: $0).permissions } == [0o400])
        }
    }

    @Test(arguments: [nil, HealthCheck(.tcp), HealthCheck(.http(path: "/"))])
    func `that answers in plain text has failed to start, and why is told`(health: HealthCheck?) async throws {
        try folder.write(SampleWorker.script, to: "bundle/worker", permissions: 0o755)
        var deployment = try spec(of: folder("bundle/worker"))
        deployment.health = health
        let spec = deployment.worker
        try await withSupervisor { supervisor, _ in
            try await supervisor.start(slot, spec)
            var (wasReady, message) = (false, "")
            #expect(
                await eventually {
                    guard let record = await supervisor.records().first else { return false }
                    if record.state == .ready { wasReady = true }
                    message = record.message
                    return record.state == .backoff
                })
            #expect(!wasReady)
            #expect(message.contains("deployed with --encrypt, but its program answers in plain text"), "\(message)")
        }
    }

    @Test func `does not share a socket with one that is not`() async throws {
        var deployment = try site()
        let encrypted = deployment.worker
        deployment.isEncrypted = false
        let plain = deployment.worker
        try await withSupervisor { supervisor, _ in
            for spec in [plain, encrypted, plain, encrypted] { try await supervisor.start(slot, spec) }
            #expect(await eventually { await supervisor.records().allSatisfy { $0.state == .ready } })
            let ports = await supervisor.records().map(\.port)
            #expect(Set(ports).count == 3 && ports[0] == ports[2])
        }
    }

    @Test func `does not start on a node without the cluster's key`() async throws {
        let spec = try site().worker
        try await withSupervisor(keys: []) { supervisor, _ in
            try await supervisor.start(slot, spec)
            try await eventually("it says why") {
                let record = await supervisor.records().first
                return record?.state == .backoff && record?.message.contains("this node has no cluster key") == true
            }
        }
    }

    @Test func `is not deployed to a cluster without a key`() async throws {
        let spec = try site()
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let node = try await SampleNode("a", on: loop)
            let error = await #expect(throws: ControlError.self) {
                _ = try await control.deploy(.shop, spec, at: node.control)
            }
            #expect("\(error!)".contains("--encrypt needs a cluster with a key"))
            await node.agent.stop()
            await control.close()
        }
    }
}
