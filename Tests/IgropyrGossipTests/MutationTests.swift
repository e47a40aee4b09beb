import IgropyrSimulation
import IgropyrTime
import Testing

@testable import IgropyrGossip

/// Damaged recordings: nothing traps, and what is passed on reads well.
@Suite struct MutationTests {
    private static let rounds = 300

    @Test(arguments: Vector.all) func `damage is survived`(vector: Vector) throws {
        var random = SplitMix64(seed: 0xF422 &+ UInt64(vector.bytes.count))
        var configuration = GossipConfiguration(name: "alpha", address: MemberAddress(ipv4: 127, 0, 1, 1, port: 7946))
        configuration.label = vector.label
        configuration.settings.memberLimit = 64
        var gossip = try Gossip(configuration, at: .zero, using: SplitMix64(seed: 1))
        let inner = plaintext(of: vector)
        let source = MemberAddress(ipv4: 127, 0, 1, 9, port: 7946)
        for round in 0..<(vector.bytes.count > 4_000 ? 20 : Self.rounds) {
            let now = Timestamp.milliseconds(Int64(round) * 50)
            let damaged = mutate(inner, using: &random)
            _ = gossip.handleDatagram(gossip.envelope.labelHeader + damaged, from: source, at: now)
            gossip.handleSerf(Array(damaged.dropFirst()), at: now)
            readStream(gossip.envelope.labelHeader + damaged, by: &gossip, at: now)
            _ = gossip.handleTimeout(at: now)
        }
        #expect(gossip.nodes.count <= 64 && gossip.members.count <= 64)
        for message in gossip.intentBroadcasts.messages + gossip.queryBroadcasts.messages
            + gossip.eventBroadcasts.messages
        {
            _ = try SerfMessage(message)
        }
        for message in gossip.nodeBroadcasts.messages { _ = try PacketMessage(message) }
    }

    @Test(arguments: Vector.all.filter { $0.key != nil })
    func `sealed messages do not open when damaged`(vector: Vector) throws {
        var random = SplitMix64(seed: 99)
        for _ in 0..<50 {
            var damaged = vector.bytes
            damaged[Int.random(in: 0..<damaged.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            if vector.transport == "udp" {
                #expect(throws: WireError.self) { try vector.envelope.openPacket(damaged) }
            } else {
                var reader = vector.reader()
                #expect((try? reader.read(damaged)) == nil)
            }
        }
    }

    private func plaintext(of vector: Vector) -> [UInt8] {
        let layer = vector.layer("encrypt") ?? vector.layer("encrypted_packet")
        if let layer { return [UInt8](hex: layer["plaintext_hex"].text) }
        return Array(vector.bytes.dropFirst(vector.layer("label") == nil ? 0 : vector.envelope.labelHeader.count))
    }

    private func readStream(_ bytes: [UInt8], by gossip: inout Gossip, at now: Timestamp) {
        var reader = gossip.makeStreamReader(for: .responder)
        do throws(WireError) {
            if let message = try reader.read(bytes) { _ = gossip.handleRequest(.success(message), at: now) }
        } catch {
            _ = gossip.handleRequest(.failure(error), at: now)
        }
    }

    private func mutate(_ bytes: [UInt8], using random: inout SplitMix64) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &random)
            case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(index...)
            case 3: bytes.insert([0xDD, 0xDF, 0xDB, 0xC6, 0xCF, 0xFF].randomElement(using: &random) ?? 0, at: index)
            case 4: bytes.replaceSubrange(index..., with: [UInt8](repeating: 0xFF, count: bytes.count - index))
            default: bytes.insert(contentsOf: bytes[index...].prefix(16), at: index)
            }
        }
        if bytes.first == MessageType.checksum.rawValue, bytes.count > 5 {  // Otherwise nothing gets past it.
            bytes = Packet.checksummed(Array(bytes[5...]))
        }
        return bytes
    }
}
