import IgropyrSimulation
import IgropyrTime
import Testing

@testable import IgropyrGossip

/// To Serf, who leaves has left only for those who hear its intent before they miss it, or after; with whichever words
/// it is heard, and in whichever order, it must not count for failed.
@Suite struct LeavingTests {
    private static func address(_ index: Int) -> MemberAddress {
        MemberAddress(ipv4: 10, 0, 0, UInt8(index), port: 7946)
    }

    private func member(_ name: String, _ index: Int) throws -> Gossip {
        var configuration = GossipConfiguration(name: name, address: Self.address(index))
        configuration.settings = .local
        return try Gossip(configuration, at: .zero, using: SplitMix64(seed: UInt64(index)))
    }

    /// alpha and bravo, who know each other.
    private func pair() throws -> (alpha: Gossip, bravo: Gossip) {
        var (alpha, bravo) = (try member("alpha", 1), try member("bravo", 2))
        alpha.meet([bravo], at: .zero)
        bravo.meet([alpha], at: .zero)
        return (alpha, bravo)
    }

    /// All that alpha sends to bravo until it has left.
    private func leave(_ alpha: inout Gossip, at start: Timestamp) -> [[UInt8]] {
        goOn(&alpha, alpha.leave(at: start))
    }

    private func goOn(_ alpha: inout Gossip, _ directives: [Directive] = []) -> [[UInt8]] {
        var datagrams: [[UInt8]] = []
        var directives = directives
        while true {
            for directive in directives {
                switch directive {
                case .send(let bytes, Self.address(2)): datagrams.append(bytes)
                case .leaveCompleted: return datagrams
                default: break
                }
            }
            directives = alpha.handleTimeout(at: alpha.deadline)
        }
    }

    private func isAbout(_ bytes: [UInt8], _ isWanted: (PacketMessage) -> Bool) -> Bool {
        Packet.decode(bytes).messages.contains(where: isWanted)
    }

    private func isIntent(_ message: PacketMessage) -> Bool {
        if case .user(let bytes) = message { bytes.first == SerfMessageType.leave.rawValue } else { false }
    }

    @Test func `it is told to one that was taken for failed, too, but not to one that is long gone`() throws {
        var (alpha, _) = try pair()
        alpha.declareDead(try #require(alpha.nodes["bravo"]), at: .zero)
        var late = alpha
        #expect(leave(&alpha, at: .zero.advanced(by: .seconds(1))).contains { isAbout($0, isIntent) })
        #expect(leave(&late, at: .zero.advanced(by: GossipSettings.local.gossipToTheDead + .seconds(1))).isEmpty)
    }

    @Test func `an exchange of states meanwhile does not make the intent old news`() throws {
        var (alpha, bravo) = try pair()
        _ = alpha.leave(at: .zero)
        bravo.mergeSerf(alpha.serfState.encoded, isOurJoin: false, at: .zero)
        for datagram in goOn(&alpha) { _ = bravo.handleDatagram(datagram, from: Self.address(1), at: .zero) }
        #expect(bravo.member(named: "alpha")?.status == .left)
    }

    @Test func `that somebody leaves is not spread by an exchange of states: it may have denied it`() throws {
        var (alpha, bravo) = try pair()
        _ = alpha.handleDatagram(
            [MessageType.user.rawValue] + Intent(kind: .leave, time: 50, node: "bravo").encoded,
            from: Self.address(3), at: .zero)
        #expect(alpha.member(named: "bravo")?.status == .leaving)
        var charlie = try member("charlie", 3)
        charlie.meet([alpha, bravo], at: .zero)
        charlie.mergeSerf(alpha.serfState.encoded, isOurJoin: false, at: .zero)
        #expect(charlie.member(named: "bravo")?.status == .alive)
        bravo.mergeSerf(alpha.serfState.encoded, isOurJoin: false, at: .zero)
        bravo.announceJoin()
        alpha.mergeSerf(bravo.serfState.encoded, isOurJoin: false, at: .zero)
        #expect(alpha.member(named: "bravo")?.status == .alive)
    }

    @Test func `who took it for failed, and for alive again, after its first intent, hears the second`() throws {
        var (alpha, bravo) = try pair()
        var isRevived = false
        for datagram in leave(&alpha, at: .zero) {
            let saysDead = isAbout(datagram) { if case .dead = $0 { true } else { false } }
            if saysDead, !isRevived {
                isRevived = true
                bravo.declareDead(try #require(bravo.nodes["alpha"]), at: .zero)
                #expect(bravo.member(named: "alpha")?.status == .left)
                let alive = Alive(
                    incarnation: 2, node: "alpha", address: Self.address(1).ip, port: 7946, meta: [0xFF, 0x80],
                    versions: .ours)
                _ = bravo.handleDatagram(alive.encoded, from: Self.address(1), at: .zero)
                #expect(bravo.member(named: "alpha")?.status == .alive)
                _ = bravo.handleDatagram(
                    Accusation(incarnation: 2, node: "alpha", from: "alpha").encoded(as: .dead),
                    from: Self.address(1), at: .zero)
                #expect(bravo.member(named: "alpha")?.status == .failed)
            }
            _ = bravo.handleDatagram(datagram, from: Self.address(1), at: .zero)
        }
        #expect(isRevived)
        #expect(bravo.member(named: "alpha")?.status == .left)
    }
}
