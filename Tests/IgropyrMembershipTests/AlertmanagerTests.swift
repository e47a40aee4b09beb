import Foundation
import IgropyrGossip
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrMembership

/// One of ours without Serf in a cluster of Prometheus's Alertmanager, a program on memberlist.
@Suite(.timeLimit(.minutes(5))) struct AlertmanagerTests {
    private static let executable = "/usr/bin/prometheus-alertmanager"

    /// A real Alertmanager on a loopback address of its own.
    private final class Alertmanager: Sendable {
        let address = freshAddress(port: 7946)
        private let folder: TemporaryFolder
        private let process: BackgroundCommand
        private var url: String { "http://\(address.hostText):9093" }

        init() throws {
            folder = try TemporaryFolder()
            let settings = try folder.write("am.yml", "route: {receiver: none}\nreceivers: [{name: none}]\n")
            process = try BackgroundCommand([
                AlertmanagerTests.executable, "--config.file=\(settings)", "--storage.path=\(folder.path)",
                "--cluster.listen-address=\(address)", "--cluster.advertise-address=\(address)",
                "--web.listen-address=\(address.hostText):9093",
            ])
        }

        deinit { process.signal(SIGKILL) }

        private struct Report: Decodable {
            struct Cluster: Decodable {
                struct Peer: Decodable { let name, address: String }
                let name: String
                let peers: [Peer]
            }
            let cluster: Cluster
        }

        private func cluster() async throws -> Report.Cluster? {
            let outcome = try await TestSupport.run(["curl", "-s", "\(url)/api/v2/status"])
            return try? JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8)).cluster
        }

        var name: String? { get async throws { try await cluster()?.name } }

        func lists(_ name: String, at address: SocketAddress?) async throws -> Bool {
            try await cluster()?.peers.contains { $0.name == name && $0.address == address?.description } ?? false
        }

        func silence(comment: String) async throws {
            let outcome = try await TestSupport.run([
                "amtool", "--alertmanager.url=\(url)", "silence", "add", "alertname=test", "--author=us",
                "--comment=\(comment)",
            ])
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
    }

    @Test func `we are a member of a cluster without Serf: joined, told its state and its messages, gone`() async throws
    {
        guard FileManager.default.isExecutableFile(atPath: Self.executable) else {
            return print("SKIPPED, Debian's prometheus-alertmanager is not installed: a cluster without Serf")
        }
        let theirs = try Alertmanager()
        #expect(try await eventually { try await theirs.name != nil })
        let name = try #require(await theirs.name)
        try await onLoop { loop in
            var configuration = MembershipConfiguration(name: "ours", bind: freshAddress(port: 0))
            configuration.delegate = .application(ApplicationDelegate())
            configuration.seeds = [Endpoint(host: theirs.address.hostText, port: theirs.address.port)]
            configuration.logger.logLevel = .critical
            let membership = Membership(configuration, on: loop)
            let events = await membership.events()
            try await membership.start()
            #expect(try await eventually { try await theirs.lists("ours", at: await membership.localAddress) })
            #expect(await membership.member(named: name)?.status == .alive)
            try await theirs.silence(comment: "seen by us")
            var hasState = false
            for await event in events {
                switch event {
                case .userState(let bytes, isJoin: true):
                    hasState = String(decoding: bytes, as: UTF8.self).contains("sil")
                case .userMessage(let bytes) where String(decoding: bytes, as: UTF8.self).contains("seen by us"):
                    await membership.leave()  // Ends the events, too.
                default: break
                }
            }
            #expect(hasState)
            #expect(try await eventually { try await !theirs.lists("ours", at: nil) })
        }
    }
}
