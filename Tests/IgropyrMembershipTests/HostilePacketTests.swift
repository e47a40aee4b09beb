import Foundation
import IgropyrGossip
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrMembership

/// Damaged recordings over real sockets, with a Serf agent listening to what we pass on. Old agents crash on some
/// broken messages, so this runs where no others are: in a network namespace that has nothing but loopback.
@Suite(.timeLimit(.minutes(5))) struct HostilePacketTests {
    private static var isIsolated: Bool {
        let devices = (try? String(contentsOfFile: "/proc/self/net/dev", encoding: .utf8)) ?? ""
        return devices.split(separator: "\n").dropFirst(2).allSatisfy { $0.contains("lo:") }
    }

    private static func recordings() throws -> [(bytes: [UInt8], isStream: Bool)] {
        struct File: Decodable {
            let hex: String
            let transport: String
        }
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("IgropyrGossipTests/Vectors")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return try files.filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }.map { url in
            let file = try JSONDecoder().decode(File.self, from: Data(contentsOf: url))
            let digits = file.hex.compactMap(\.hexDigitValue)
            let bytes = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
            return (bytes, file.transport == "tcp")
        }
    }

    private func damaged(_ bytes: [UInt8], using random: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &random)
            case 1: bytes.removeSubrange(index...)
            default: bytes.insert(contentsOf: bytes[index...].prefix(8), at: index)
            }
        }
        return bytes
    }

    @Test func `damaged packets hurt neither us nor an agent behind us`() async throws {
        guard Self.isIsolated else {
            return print(
                "SKIPPED, needs a network namespace of its own (unshare -n; ip link set lo up): hostile packets")
        }
        guard SerfAgent.isInstalled(for: "hostile packets") else { return }
        let recordings = try Self.recordings()
        #expect(recordings.count > 100)
        let agent = try SerfAgent("agent")
        #expect(await agent.waitUntilReady())
        try await onLoop { loop in
            var configuration = MembershipConfiguration(name: "ours", bind: freshAddress(port: 0))
            configuration.settings = .local
            configuration.seeds = [Endpoint(host: agent.address.hostText, port: agent.address.port)]
            configuration.logger.logLevel = .critical
            let membership = Membership(configuration, on: loop)
            try await membership.start()
            #expect(await eventually { await agent.members()["ours"]?.status == "alive" })
            let target = try #require(await membership.localAddress)

            let socket = try UDPSocket(on: loop, binding: freshAddress(port: 0))
            var random = SystemRandomNumberGenerator()
            for round in 0..<60 {
                for recording in recordings {
                    let bytes = damaged(recording.bytes, using: &random)
                    if recording.isStream {
                        if round % 10 == 0 { try throwAway(bytes, to: target, on: loop) }
                    } else {
                        socket.send(bytes, to: target)
                    }
                }
                await Task.yield()
            }
            socket.close()

            #expect(await eventually { await membership.counters.malformed > 100 })
            #expect(await eventually { await agent.members()["ours"]?.status == "alive" })
            // Again and again: gossip goes to a few members at random, and by now there may be 170 that do not exist.
            let isHeard = try await eventually {
                try await membership.sendUserEvent("still-here")
                try await Task.sleep(for: .milliseconds(100))
                return agent.output.contains("user-event: still-here")
            }
            #expect(isHeard)
            #expect(agent.isRunning && !agent.output.contains("panic"))
            await membership.shutdown()
        }
    }

    /// Writes and closes without waiting for anything.
    private func throwAway(_ bytes: [UInt8], to target: SocketAddress, on loop: EventLoop) throws {
        let stream = try TCPStream(on: loop)
        stream.connect(to: target) { error in
            guard error == nil else { return stream.close() }
            stream.write(bytes)
            stream.closeAfterWriting()
        }
    }
}
