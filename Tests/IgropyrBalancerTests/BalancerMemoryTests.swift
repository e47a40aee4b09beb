import FoundationEssentials
import IgropyrCluster
import IgropyrGossip
import IgropyrMembership
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

/// What a balancer of a cluster keeps in its data folder.
@Suite(.timeLimit(.minutes(5))) struct `A balancer with a data folder` {
    private static let (oldKey, newKey) = (ClusterKey(bytes: [UInt8](1...32))!, ClusterKey(bytes: [UInt8](101...132))!)

    private static func member(_ name: String, seeds: [Endpoint] = []) -> MembershipConfiguration {
        var configuration = MembershipConfiguration(name: name, bind: freshAddress(port: 0))
        configuration.settings = .local
        configuration.keys = [oldKey.bytes]
        configuration.seeds = seeds
        configuration.logger.logLevel = .critical
        return configuration
    }

    private static func balancer(
        _ member: MembershipConfiguration, in folder: String, on loop: EventLoop
    ) -> ClusterBalancer {
        ClusterBalancer(
            BalancerSettings(listen: .loopback(port: 0)), member: member, key: oldKey, dataFolder: folder, on: loop)
    }

    private static func status(of name: String, at membership: Membership) async -> Member.Status? {
        await membership.members.first { $0.name == name }?.status
    }

    /// In a cluster of two.
    private static func changeKey(at membership: Membership) async throws {
        for operation in [.install(newKey.bytes), .use(newKey.bytes), .remove(oldKey.bytes)] as [KeyOperation] {
            let query = try await membership.changeKeys(operation, timeout: .seconds(60))
            var answers = 0
            for await case .answer(_, let payload) in query.replies {
                #expect(try KeyResponse(payload: payload).isSuccess)
                answers += 1
                if answers == 2 { break }
            }
        }
    }

    @Test func `without a data folder, says once for each change of the key that it needs the new one`() async throws {
        try await onLoop { loop in
            let other = Membership(Self.member("other"), on: loop)
            try await other.start()
            let seed = try #require(await other.localAddress)
            var member = Self.member("entrance", seeds: [Endpoint(host: seed.hostText, port: seed.port)])
            let log = KeptLog()
            member.logger = log.logger
            let balancer = ClusterBalancer(
                BalancerSettings(listen: .loopback(port: 0)), member: member, key: Self.oldKey, on: loop)
            try await balancer.start()
            #expect(await eventually { await Self.status(of: "entrance", at: other) == .alive })
            try await Self.changeKey(at: other)
            try await balancer.stop(timeout: .zero)
            #expect(log.count(where: { $0.contains("no data folder") }) == 1)
            await other.shutdown()
        }
    }

    @Test func `without a data folder, hands the cluster's keys on to its successor`() async throws {
        let file = "/tmp/igropyr-test-\(UInt64.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try await onLoop { loop in
            let other = Membership(Self.member("other"), on: loop)
            try await other.start()
            let seed = try #require(await other.localAddress)
            var member = Self.member("entrance", seeds: [Endpoint(host: seed.hostText, port: seed.port)])
            let settings = BalancerSettings(listen: .loopback(port: 0))
            let first = ClusterBalancer(settings, member: member, key: Self.oldKey, on: loop)
            try await first.start()
            #expect(await eventually { await Self.status(of: "entrance", at: other) == .alive })
            try await Self.changeKey(at: other)
            // Takes down what it is given, and is not ready.
            let script = "n=${IGROPYR_DESCRIPTORS##*keys=}; cat <&${n%%,*} >\(file); exit 1"
            let successor = ChildProcess.Command(executable: "/bin/sh", arguments: ["-c", script])
            await #expect(throws: SuccessionFailure.ended(.exited(code: 1))) {
                try await first.startSuccessor(successor, within: .seconds(200))
            }
            try await first.stop(timeout: .zero)
            let keys = try MemoryFile.make([UInt8](Data(contentsOf: URL(filePath: file))))
            member.name = "second"
            let second = ClusterBalancer(
                settings, member: member, key: Self.oldKey, descriptors: ["keys": keys], on: loop)
            try await second.start()
            #expect(await eventually { await Self.status(of: "second", at: other) == .alive })
            try await second.stop(timeout: .zero)
            await other.shutdown()
        }
    }

    @Test func `starts with the key that the cluster has changed to, and needs no seed`() async throws {
        let folder = "/tmp/igropyr-test-\(UInt64.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await onLoop { loop in
            let other = Membership(Self.member("other"), on: loop)
            try await other.start()
            let seed = try #require(await other.localAddress)
            let first = Self.balancer(
                Self.member("entrance", seeds: [Endpoint(host: seed.hostText, port: seed.port)]), in: folder, on: loop)
            try await first.start()
            #expect(await eventually { await Self.status(of: "entrance", at: other) == .alive })
            try await Self.changeKey(at: other)
            let keyFile = "\(folder)/cluster.key"
            #expect(await eventually { (try? ClusterKey(fileAt: keyFile)) == Self.newKey })
            let second = Self.balancer(Self.member("entrance"), in: folder, on: loop)
            await #expect(throws: DataFolderError.self, "the first has the folder") { try await second.start() }
            try await first.stop(timeout: .zero)
            #expect(await eventually { await Self.status(of: "entrance", at: other) == .left })
            try await second.start()
            #expect(await eventually { await Self.status(of: "entrance", at: other) == .alive })
            try await second.stop(timeout: .zero)
            await other.shutdown()
        }
    }

    @Test func `says what to do about a keyring that cannot be read`() async throws {
        let folder = "/tmp/igropyr-test-\(UInt64.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: URL(filePath: "\(folder)/keyring.json"))
        try await onLoop { loop in
            let balancer = Self.balancer(Self.member("entrance"), in: folder, on: loop)
            let failure = await #expect(throws: (any Error).self) { try await balancer.start() }
            let text = "\(failure, default: "")"
            #expect(text.contains("\(folder)/keyring.json") && text.contains("--key-file"), "\(text)")
        }
    }
}
