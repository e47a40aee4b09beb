import FoundationEssentials
import Glibc
import IgropyrBundles
import IgropyrOrchestration
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `A bundle on its way to the hosts` {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The sample worker with so many numbers behind its end, which Perl does not read.
    private func program(_ count: Int, change: String = "") throws -> BundleArchive.Summary {
        let text = SampleWorker.script + "\n__END__\n" + (0..<count).map { "\($0 * $0) " }.joined() + change
        try folder.write(text, to: "worker", permissions: 0o755)
        return try BundleArchive.create(from: folder("worker"), to: folder("worker.tar"))
    }

    private func deploy(_ summary: BundleArchive.Summary, at node: SampleNode, over control: ControlClient) async throws
    {
        try await control.upload(summary.index, from: folder("worker.tar"), to: node.control)
        _ = try await control.deploy(.shop, SampleWorker.spec(summary), at: node.control)
    }

    private func chunks(of node: SampleNode) throws -> [String] { try node.folder.names("data/bundles/chunks") }

    @Test func `comes from whoever has it whole, whatever others have lost, and its next revision by its changes`()
        async throws
    {
        let first = try program(100_000)
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let a = try await SampleNode("a", on: loop)
            let b = try await SampleNode("b", on: loop, joining: a)
            try await deploy(first, at: a, over: control)
            try await b.hasReady(1)
            for name in try chunks(of: a) { try a.folder.write("damaged", to: "data/bundles/chunks/\(name)") }
            let c = try await SampleNode("c", on: loop, joining: b)
            try await c.hasReady(1)
            #expect(try chunks(of: c) == chunks(of: b))

            // What a lost comes back with the client, which has it all.
            let second = try program(100_000, change: "changed")
            try await deploy(second, at: b, over: control)
            for node in [a, b, c] {
                #expect(await eventually { await node.readyWorkers().map(\.revision) == [second.digest] })
            }
            for node in [a, b, c] { await node.agent.stop() }
            await control.close()
        }
    }

    @Test func `is mended from others where the disk has damaged it`() async throws {
        let summary = try program(100_000)
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let a = try await SampleNode("a", on: loop)
            let b = try await SampleNode("b", on: loop, joining: a)
            try await deploy(summary, at: a, over: control)
            try await b.hasReady(1)
            await b.agent.stop()
            let chunk = "data/bundles/chunks/\(summary.index.distinctChunks[2].digest)"
            let right = try AtomicFile.read(b.folder(chunk), limitBytes: 1 << 20)
            try AtomicFile.write(right.map { $0 ^ 1 }, to: b.folder(chunk), permissions: 0o600)
            try FileSystem.removeTree(b.folder("data/bundles/\(summary.digest)"))
            let again = try await SampleNode("b", on: loop, joining: a, folder: b.folder)
            try await again.hasReady(1)
            #expect(try AtomicFile.read(b.folder(chunk), limitBytes: 1 << 20) == right)
            await again.agent.stop()
            await a.agent.stop()
            await control.close()
        }
    }

    @Test func `stays away from hosts that it has nothing for, and their status says so`() async throws {
        let isX86 = ProgramMachine.host?.rawValue == "x86_64"
        let head = [0x7f] + Array("ELF".utf8) + [2, 1] + [UInt8](repeating: 0, count: 12) + [isX86 ? 183 : 62, 0]
        try Data(head + [UInt8](repeating: 1, count: 100_000)).write(to: URL(filePath: folder("worker")))
        chmod(folder("worker"), 0o755)
        let summary = try BundleArchive.create(from: folder("worker"), to: folder("worker.tar"))
        let host = try #require(ProgramMachine.host)
        try #require(summary.index.machines.count == 1 && !summary.index.fits(host))
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let a = try await SampleNode("a", on: loop)
            let b = try await SampleNode("b", on: loop, joining: a)
            try await deploy(summary, at: a, over: control)
            #expect(
                await eventually {
                    let workers = await a.agent.status?.workers ?? []
                    return workers.map(\.host.rawValue) == ["a", "b"]
                        && workers.allSatisfy {
                            $0.state == .failed && $0.message.contains("this host is") && $0.restarts == 0
                        }
                })
            #expect(await eventually { await a.agent.misfits(of: b) == [summary.digest] })
            #expect(try chunks(of: b).isEmpty && !chunks(of: a).isEmpty)
            for node in [a, b] {  // Whichever is asked.
                #expect(
                    await eventually {
                        await node.agent.status?.problems.contains {
                            $0.hasPrefix("b: ") && $0.contains("deploy it with one for")
                        } == true
                    })
            }

            let fitting = try program(10)
            try await deploy(fitting, at: a, over: control)
            for node in [a, b] { try await node.hasReady(1) }
            try await a.statusSays("no problem") { $0.problems.isEmpty }
            #expect(await eventually { await a.agent.misfits(of: b) == nil })
            await a.agent.stop()
            await b.agent.stop()
            await control.close()
        }
    }

    @Test func `goes once nothing needs it and ten minutes have passed`() async throws {
        let summary = try program(10)
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let node = try await SampleNode("a", on: loop)
            try await deploy(summary, at: node, over: control)
            try await node.hasReady(1)
            _ = try await control.remove(.shop, at: node.control)
            try await node.statusSays("no worker") { $0.workers.isEmpty }
            #expect(try !chunks(of: node).isEmpty)
            await node.agent.stop()
            let index = "data/bundles/\(summary.digest).index"
            node.folder.setTime(Int(time(nil)) - 601, of: index)
            let again = try await SampleNode("a", on: loop, folder: node.folder)
            #expect(try await eventually { try chunks(of: again).isEmpty && !FileSystem.exists(again.folder(index)) })
            await again.agent.stop()
            await control.close()
        }
    }
}

extension HostAgent {
    /// As far as this one has heard.
    fileprivate func misfits(of other: SampleNode) async -> [BundleDigest]? {
        await parts?.replica.state.hosts[other.agent.name]?.misfits
    }
}
