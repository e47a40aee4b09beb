import Glibc
import IgropyrMembership
import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `A host agent` {
    let folder: TemporaryFolder
    let bundle: (path: String, summary: BundleArchive.Summary)

    init() throws {
        folder = try TemporaryFolder()
        bundle = try SampleWorker.bundle(in: folder)
    }

    private func deploy(
        _ spec: DeploymentSpec, at node: SampleNode, over control: ControlClient
    ) async throws {
        _ = try await control.upload(bundle.summary.index, from: bundle.path, to: node.control)
        _ = try await control.deploy(.shop, spec, at: node.control)
    }

    @Test func `runs what is deployed at any node of the cluster, and so does one that joins later`() async throws {
        var generator = SystemRandomNumberGenerator()
        let key = ClusterKey.generate(using: &generator)
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: key)
            let client = try HTTPRequester(on: loop)
            let first = try await SampleNode("a", on: loop, key: key)
            let second = try await SampleNode("b", on: loop, joining: first, key: key)
            try await deploy(SampleWorker.spec(bundle.summary), at: first, over: control)
            for node in [first, second] {
                try await node.hasReady(1)
            }
            #expect(try await first.answer(over: client)?.hasPrefix("shop/a/0 ") == true)
            #expect(try await second.answer(over: client)?.hasPrefix("shop/b/0 ") == true)

            let third = try await SampleNode("c", on: loop, joining: second, key: key)
            try await third.hasReady(1)
            #expect(try await third.answer(over: client)?.hasPrefix("shop/c/0 ") == true)
            #expect(
                await eventually { await first.agent.status?.workers.filter { $0.state == .ready }.count == 3 })
            let report = try #require(await first.agent.status)
            #expect(report.hosts.map(\.name) == ["a", "b", "c"] && report.hosts.allSatisfy { $0.status == .alive })
            #expect(report.applications.map(\.wanted) == [3] && report.applications.map(\.ready) == [3])
            #expect(report.workers.reduce(0) { $0 + $1.share } == 1)
            #expect(report.problems.isEmpty)

            let snapshots = try #require(await first.agent.snapshots)
            async let isStopped: Void = second.agent.stop()
            for await snapshot in snapshots where snapshot.statesOfAliveWorkers(on: "b") == [.draining] { break }
            await isStopped
            #expect(
                await eventually { await first.agent.status?.hosts.first { $0.name == "b" }?.status == .left })
            #expect(await first.agent.status?.workers.map(\.host.rawValue) == ["a", "c"])
            _ = try await control.remove(.shop, at: third.control)
            try await first.statusSays("no worker") { $0.workers.isEmpty }
            await third.agent.stop()
            await first.agent.stop()
            client.close()
            await control.close()
        }
    }

    @Test func `comes back as it was`() async throws {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let node = try await SampleNode("a", on: loop)
            try await deploy(SampleWorker.spec(bundle.summary), at: node, over: control)
            try await node.hasReady(1)
            await node.agent.stop()
            let names = ["audit.jsonl", "bundles", "lock", "logs", "run", "state.json", "topics.json"]
            #expect(try node.folder.names("data") == names)

            let again = try await SampleNode("a", on: loop, folder: node.folder)
            #expect(NodeFile.read(fromDataFolder: node.folder("data"))?.control == "\(again.control)")
            try await again.hasReady(1)
            await again.agent.stop()
            await control.close()
        }
    }

    @Test func `finds back to the others without being told`() async throws {
        try await onLoop { loop in
            let first = try await SampleNode("a", on: loop)
            let second = try await SampleNode("b", on: loop, joining: first)
            #expect(await eventually { FileSystem.exists(second.folder("data/peers.json")) })
            await second.agent.stop()
            let again = try await SampleNode("b", on: loop, folder: second.folder)
            #expect(await eventually { await again.agent.status?.hosts.map(\.status) == [.alive, .alive] })
            await again.agent.stop()
            await first.agent.stop()
        }
    }

    @Test func `a worker that fails again and again does not keep the cluster busy`() async throws {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let node = try await SampleNode("a", on: loop)
            try await deploy(SampleWorker.spec(bundle.summary, says: "nothing"), at: node, over: control)
            #expect(await eventually { (await node.agent.status?.workers.first?.restarts ?? 0) >= 3 })
            let version = try #require(await node.agent.ownVersion)
            #expect(version.counter < 30)
            try await eventually("it says why") {
                let worker = await node.agent.status?.workers.first
                return worker?.message.contains("exited with 3") == true && worker?.share == 0
            }
            await node.agent.stop()
            await control.close()
        }
    }

    @Test func `a revision that crashes on all hosts is tried no more, until somebody says so`() async throws {
        var spec = SampleWorker.spec(bundle.summary, says: "nothing")
        spec.restart = RestartPolicy(intensity: 1)
        let broken = spec
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let first = try await SampleNode("a", on: loop)
            let second = try await SampleNode("b", on: loop, joining: first)
            try await second.statusSays("two hosts") { $0.hosts.count == 2 }
            try await deploy(broken, at: first, over: control)
            for node in [first, second] {
                #expect(
                    await eventually {
                        let report = await node.agent.status
                        return report?.workers.map(\.state) == [.failed, .failed]
                            && report?.applications.first?.problem?.contains("on a, b and is tried no more") == true
                    })
            }
            for isRetry in [true, false] {
                let lines = try [first, second].map { try $0.folder.read("data/logs/shop-0.log").count }
                if isRetry {
                    _ = try await control.change(.shop, .retry, at: second.control)
                } else {
                    try await deploy(broken, at: second, over: control)
                }
                for (node, before) in zip([first, second], lines) {
                    #expect(await eventually { (try? node.folder.read("data/logs/shop-0.log").count) ?? 0 > before })
                }
                for node in [first, second] {
                    try await node.statusSays("both have failed") { $0.workers.map(\.state) == [.failed, .failed] }
                }
            }
            try await deploy(SampleWorker.spec(bundle.summary), at: first, over: control)
            for node in [first, second] { try await node.hasReady(1) }
            #expect(await eventually { await first.agent.status?.applications.first?.problem == nil })
            await #expect(throws: ControlError.self, "nothing of it is in quarantine") {
                try await control.change(.shop, .retry, at: first.control)
            }
            await second.agent.stop()
            await first.agent.stop()
            await control.close()
        }
    }

    @Test(.enabled(if: canMount, "a small file system cannot be mounted here"))
    func `lives on with a full disk, and says so`() async throws {
        let data = folder("data")
        try FileSystem.createFolder(data, permissions: 0o700)
        #expect(mount("igropyr-test", data, "tmpfs", 0, "size=1m") == 0)
        defer { umount2(data, Int32(MNT_DETACH)) }
        try folder.write(String(repeating: "x", count: 2 << 20), to: "site/large")
        let large = folder("large.tar")
        let summary = try BundleArchive.create(from: folder("site"), to: large)
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let node = try await SampleNode("a", on: loop, folder: folder)
            let error = await #expect(throws: ControlError.self) {
                try await control.upload(summary.index, from: large, to: node.control)
            }
            #expect(error?.code == .refused(status: 507) && error?.description.contains("free space") == true)
            try await eventually("nothing of it stays") { try folder.names("data/bundles") == ["boot", "chunks"] }
            #expect(await eventually { await node.agent.status?.problems.first?.contains("free space") == true })

            _ = try await control.upload(bundle.summary.index, from: bundle.path, to: node.control)
            try await node.statusSays("no problem") { $0.problems.isEmpty }
            fill(folder("data/filler"))
            _ = try await control.deploy(.shop, SampleWorker.spec(bundle.summary), at: node.control)
            #expect(await eventually { await node.agent.status?.problems.first?.contains("free space") == true })
            try await node.hasReady(1)
            try FileSystem.removeTree(folder("data/filler"))
            try await node.statusSays("no problem") { $0.problems.isEmpty }
            await node.agent.stop()
            await control.close()
        }
    }

    /// Writes until the file system has no room.
    private func fill(_ path: String) {
        guard let file = try? BlockingFile(path, .createNew(permissions: 0o600)) else { return }
        for size in [4096, 1] {
            let piece = [UInt8](repeating: 1, count: size)
            while (try? file.write(piece.span.bytes)) != nil {}
        }
    }

    @Test func `sets a damaged state aside and begins anew`() async throws {
        try folder.write("{\"version\": 1, ", to: "data/state.json")
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, folder: folder)
            #expect(await node.agent.status?.applications.isEmpty == true)
            #expect(try folder.names("data").contains { $0.hasPrefix("state.json.damaged-") })
            await node.agent.stop()
        }
    }

    @Test func `replaces its workers when the deployment changes, without a gap`() async throws {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let client = try HTTPRequester(on: loop)
            let node = try await SampleNode("a", on: loop)
            try await deploy(SampleWorker.spec(bundle.summary, says: "old"), at: node, over: control)
            #expect(try await eventually { try await node.answer(over: client)?.hasSuffix(" old") == true })
            let address = try #require(
                await node.readyWorkers().first.flatMap { SocketAddress(parsing: $0.address, defaultPort: 0) })
            try await deploy(SampleWorker.spec(bundle.summary, says: "new"), at: node, over: control)
            var isReplaced = false
            while !isReplaced {
                let answer = try await client.send(.init(.get, "/"), to: address)
                #expect(answer.status == 200)
                isReplaced =
                    await node.agent.status?.workers.count == 1
                    && String(decoding: answer.body, as: UTF8.self).hasSuffix(" new")
            }
            await node.agent.stop()
            client.close()
            await control.close()
        }
    }

    @Test func `spreads a total over the hosts`() async throws {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let first = try await SampleNode("a", on: loop)
            let second = try await SampleNode("b", on: loop, joining: first)
            try await second.statusSays("two hosts") { $0.hosts.count == 2 }
            try await deploy(SampleWorker.spec(bundle.summary, scale: .total(2)), at: second, over: control)
            for node in [first, second] { try await node.hasReady(1) }
            await first.agent.stop()
            try await second.hasReady(2)
            await second.agent.stop()
            await control.close()
        }
    }

    @Test func `moves a worker to a newcomer without a gap`() async throws {
        let spec = SampleWorker.spec(bundle.summary, scale: .total(1))
        // A name that placement prefers to the first host's.
        let name = try #require(
            (0..<100).map { "b\($0)" }.first { name in
                let hosts = ["a", name].map { Placement.Host(name: HostName(rawValue: $0)!, capacity: 2) }
                let placement = Placement(deployments: [.shop: spec], hosts: hosts)
                return placement.workers[HostName(rawValue: name)!] != nil
            })
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let first = try await SampleNode("a", on: loop)
            try await deploy(spec, at: first, over: control)
            try await first.hasReady(1)
            let second = try await SampleNode(name, on: loop, joining: first)
            var hosts: [String] = []
            while hosts != [name] {
                let report = try #require(await first.agent.status)
                hosts = report.workers.map(\.host.rawValue)
                #expect(report.applications.first?.ready ?? 0 >= 1)
            }
            // And back, when that leaves; it must have heard that the first host's worker has gone.
            #expect(await eventually { await second.agent.status?.workers.map(\.host.rawValue) == [name] })
            async let isStopped: Void = second.agent.stop()
            while hosts != ["a"] {
                let report = try #require(await first.agent.status)
                hosts = report.workers.map(\.host.rawValue)
                #expect(report.applications.first?.ready ?? 0 >= 1)
            }
            await isStopped
            await first.agent.stop()
            await control.close()
        }
    }

    @Test(
        arguments: [
            ("10.0.0.1", "a", nil, "--key-file"), ("0.0.0.0", "a", "/k", "--advertise"),
            ("127.0.0.1", "a b", nil, "--name"),
        ] as [(String, String, String?, String)])
    func `refuses a configuration that cannot work`(
        bind: String, name: String, key: String?, advice: String
    ) throws {
        let address = try #require(SocketAddress(bind, port: 7946))
        var configuration = NodeConfiguration(.init(name: name, bind: address), dataFolder: "/nowhere")
        configuration.keyFile = key
        let error = #expect(throws: NodeError.self) { try configuration.validate() }
        #expect(error?.description.contains(advice) == true)
    }

    @Test func `says what to do about a start that fails, and leaves nothing open`() async throws {
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop)
            var configuration = NodeConfiguration(
                .init(name: "b", bind: freshAddress()), dataFolder: node.folder("data"))
            configuration.logger.logLevel = .critical
            let inUse = await #expect(throws: NodeError.self) {
                try await HostAgent(configuration, on: loop).start()
            }
            #expect(inUse?.description.contains("is in use by process") == true)
            configuration.dataFolder = folder("other")
            configuration.member.bind = node.control
            configuration.member.bind.port -= 1
            let port = await #expect(throws: NodeError.self) {
                try await HostAgent(configuration, on: loop).start()
            }
            #expect(port?.description.contains("\(node.control)") == true)
            configuration.keyFile = folder("no key")
            let key = await #expect(throws: NodeError.self) {
                try await HostAgent(configuration, on: loop).start()
            }
            #expect(key?.description.contains("igropyr keygen") == true)
            await node.agent.stop()
        }
    }
}

extension Replica.Snapshot {
    /// What a host tells of its workers; nil unless it is alive.
    fileprivate func statesOfAliveWorkers(on host: String) -> [WorkerRecord.State]? {
        guard let name = HostName(rawValue: host), alive.contains(name) else { return nil }
        return state.hosts[name]?.workers.map(\.state)
    }
}

extension HostAgent {
    fileprivate var snapshots: AsyncStream<Replica.Snapshot>? { get async { await parts?.replica.snapshots() } }

    fileprivate var ownVersion: HostRecord.Version? {
        get async { await parts?.replica.state.hosts[name]?.version }
    }
}
