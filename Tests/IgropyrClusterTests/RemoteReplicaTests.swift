import IgropyrOrchestration
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `A copy of the state outside of the gossip` {
    let folder: TemporaryFolder
    let bundle: (path: String, summary: BundleArchive.Summary)

    init() throws {
        folder = try TemporaryFolder()
        bundle = try SampleWorker.bundle(in: folder)
    }

    /// False if it ends before.
    private func hears(_ copy: RemoteReplica, _ isMeant: (Replica.Snapshot) -> Bool) async -> Bool {
        for await snapshot in copy.snapshots where isMeant(snapshot) { return true }
        return false
    }

    @Test func `hears what is decided and who is there, of whichever node is left, until its task ends`() async throws {
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: nil)
            let first = try await SampleNode("a", on: loop)
            let second = try await SampleNode("b", on: loop, joining: first)
            #expect(await eventually { await second.agent.status?.hosts.count == 2 })
            let snapshot = try #require(await second.agent.snapshot)
            let client = try ControlClient(on: loop, key: nil)
            let copy = RemoteReplica(HostName(rawValue: "entrance")!, from: snapshot, client: client, on: loop)
            let following = Task(executorPreference: loop) { await copy.follow() }

            try await control.upload(bundle.summary.index, from: bundle.path, to: first.control)
            let spec = SampleWorker.spec(bundle.summary, says: "hello", scale: .perHost(1))
            _ = try await control.deploy(.shop, spec, at: first.control)
            #expect(await hears(copy) { $0.state.liveDeployments[.shop] != nil && $0.alive.count == 2 })
            await first.agent.stop()
            #expect(await hears(copy) { $0.alive == [HostName(rawValue: "b")!] })
            _ = try await control.change(.shop, .scale(to: .total(1)), at: second.control)
            #expect(await hears(copy) { $0.state.liveDeployments[.shop]?.scale == .total(1) })

            following.cancel()
            await following.value
            #expect(await !hears(copy) { _ in false })
            await client.close()
            await control.close()
            await second.agent.stop()
        }
    }
}

extension HostAgent {
    fileprivate var snapshot: Replica.Snapshot? { get async { await parts?.replica.snapshot } }
}
