import IgropyrGossip
import IgropyrMembership
import IgropyrOrchestration
import IgropyrUV
import Logging
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `A replica without an agent` {
    @Test func `follows the cluster, as a balancer's does`() async throws {
        let folder = try TemporaryFolder()
        let (path, summary) = try SampleWorker.bundle(in: folder)
        let spec = SampleWorker.spec(summary)
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop)
            let gossip = try #require(await node.agent.gossipAddress)
            var configuration = MembershipConfiguration(name: "lb", bind: freshAddress())
            configuration.seeds = [Endpoint(host: gossip.hostText, port: gossip.port)]
            configuration.tags = MemberTags.balancer
            configuration.settings = .local
            configuration.logger.logLevel = .critical
            let membership = Membership(configuration, on: loop)
            try await membership.start()
            let client = try ControlClient(on: loop, key: nil)
            let replica = Replica(
                Replica.Configuration(name: HostName(rawValue: "lb")!, folder: try DataFolder(at: folder("lb"))),
                membership: membership, client: client, on: loop)
            await replica.start()
            let snapshots = await replica.snapshots()

            _ = try await client.upload(summary.index, from: path, to: node.control)
            _ = try await client.deploy(.shop, spec, at: node.control)
            for await snapshot in snapshots {
                let view = ClusterView(snapshot.state, alive: snapshot.alive)
                if view.endpoints[.shop]?.map(\.slot.id) == ["shop/a/0"] { break }
            }
            #expect(await node.agent.status?.hosts.map(\.role) == [.node, .balancer])

            var record = HostRecord(name: HostName(rawValue: "a")!, address: "127.0.0.1", controlPort: 1, cores: 1)
            record.version.epoch = UnixTime.now.milliseconds + 2 * 86_400_000
            let early = StateExchange(sender: record.name, digest: StateDigest(), delta: StateDelta(hosts: [record]))
            _ = await replica.answer(early)
            #expect(await replica.refusalProblems.first?.contains("24 hours behind that of a") == true)
            #expect(await eventually { await replica.refusalProblems.isEmpty }, "the next exchange is all right")

            // What hosts say of themselves is written in some seconds, with all that they say until then; decisions
            // soon.
            record.version.epoch = UnixTime.now.milliseconds
            #expect(await Self.isUnsaved(record, in: replica))
            _ = try await client.change(.shop, .scale(to: .perHost(1)), at: node.control)
            #expect(await eventually { await !replica.hasUnsavedRecords })

            await node.agent.stop()
            for await snapshot in await replica.snapshots() {
                if ClusterView(snapshot.state, alive: snapshot.alive).endpoints[.shop]?.isEmpty == true { break }
            }
            await replica.stop()
            #expect(await Self.staysUnsaved(of: replica), "its folder may be another's by then")
            await membership.leave()
            await client.close()
        }
    }

    /// As soon as it is heard of.
    private static func isUnsaved(_ record: HostRecord, in replica: isolated Replica) -> Bool {
        _ = replica.answer(
            StateExchange(sender: record.name, digest: StateDigest(), delta: StateDelta(hosts: [record])))
        return replica.hasUnsavedRecords
    }

    /// What it says of itself from now on, once nothing is under way to the disk.
    private static func staysUnsaved(of replica: isolated Replica) async -> Bool {
        let own = HostRecord(name: HostName(rawValue: "lb")!, address: "127.0.0.1", controlPort: 1, cores: 1)
        replica.publish(own, epoch: UnixTime.now.milliseconds)
        await replica.recordSaves.finish()
        await replica.saves.finish()
        return replica.hasUnsavedRecords
    }
}
