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
            try await second.statusSays("two hosts") { $0.hosts.count == 2 }
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

    /// Once every member has followed.
    private func change(_ message: KeysMessage, by node: SampleNode, _ client: ControlClient) async throws {
        try await eventually("the change of keys") {
            let done = Locked(0)
            try await client.keys(message, by: node.control) { line in
                if case .keys(_, let outcome) = line, outcome.isDone { done.withLock { $0 += 1 } }
                return done.withLock { $0 } < 2
            }
            return done.withLock { $0 } == 2
        }
    }

    @Test func `goes on when the cluster's key is changed, and tells of the new one`() async throws {
        let (old, new) = (ClusterKey(bytes: [UInt8](1...32))!, ClusterKey(bytes: [UInt8](2...33))!)
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: old)
            let first = try await SampleNode("a", on: loop, key: old)
            let second = try await SampleNode("b", on: loop, joining: first, key: old)
            try await second.statusSays("two hosts") { $0.hosts.count == 2 }
            try await control.upload(bundle.summary.index, from: bundle.path, to: first.control)
            let spec = SampleWorker.spec(bundle.summary, says: "hello", scale: .perHost(1))
            _ = try await control.deploy(.shop, spec, at: first.control)
            let snapshot = try #require(await first.agent.snapshot)
            let client = try ControlClient(on: loop, key: old)
            let copy = RemoteReplica(
                HostName(rawValue: "entrance")!, from: snapshot, keys: [old], client: client, on: loop)
            let following = Task(executorPreference: loop) { await copy.follow() }
            #expect(await hears(copy) { $0.alive.count == 2 })

            try await change(.init(.add, key: new), by: first, control)
            var told: [ClusterKey] = []
            for await keys in copy.changedKeys {
                told = keys
                break
            }
            #expect(told == [old, new], "before the old one is of no use")
            try await change(.init(.use, fingerprint: new.fingerprint), by: first, control)
            try await control.use(new)
            try await change(.init(.remove, fingerprint: old.fingerprint), by: first, control)
            _ = try await control.change(.shop, .scale(to: .total(1)), at: second.control)
            #expect(await hears(copy) { $0.state.liveDeployments[.shop]?.scale == .total(1) })
            for await keys in copy.changedKeys {
                told = keys
                if keys == [new] { break }
            }
            #expect(told == [new])

            following.cancel()
            await following.value
            await client.close()
            await control.close()
            await first.agent.stop()
            await second.agent.stop()
        }
    }
}

extension HostAgent {
    fileprivate var snapshot: Replica.Snapshot? { get async { await parts?.replica.snapshot } }
}
