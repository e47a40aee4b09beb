import IgropyrSimulation
import IgropyrTime
import Testing

@testable import IgropyrGossip

/// What is first said here, everybody hears from here, at once: gossip among few members leaves somebody out now and
/// then, for as long as half a minute.
@Suite struct DirectNewsTests {
    private static let peers = 1...6

    private static func address(_ index: Int) -> MemberAddress {
        MemberAddress(ipv4: 10, 0, 0, UInt8(index), port: 7946)
    }

    private static func configuration(_ name: String, _ index: Int, _ settings: GossipSettings) -> GossipConfiguration {
        var configuration = GossipConfiguration(name: name, address: address(index))
        configuration.settings = settings
        return configuration
    }

    private static func alive(_ index: Int) -> [UInt8] {
        Alive(
            incarnation: 1, node: "p\(index)", address: address(index).ip, port: 7946, meta: [0xFF, 0x80],
            versions: .ours
        ).encoded
    }

    /// alpha, who knows the peers.
    private func alpha(_ settings: GossipSettings = .fast) throws -> Gossip {
        var gossip = try Gossip(Self.configuration("alpha", 100, settings), at: .zero, using: SplitMix64(seed: 1))
        for index in Self.peers { _ = gossip.handleDatagram(Self.alive(index), from: Self.address(index), at: .zero) }
        return gossip
    }

    /// Who was sent such a message.
    private func told(_ directives: [Directive], _ isWanted: (PacketMessage) -> Bool) -> Set<MemberAddress> {
        var told: Set<MemberAddress> = []
        for case .send(let bytes, let target) in directives
        where Packet.decode(bytes).messages.contains(where: isWanted) {
            told.insert(target)
        }
        return told
    }

    private func isUser(_ type: SerfMessageType) -> (PacketMessage) -> Bool {
        { message in if case .user(let bytes) = message { bytes.first == type.rawValue } else { false } }
    }

    private let everybody = Set(Self.peers.map(Self.address))

    @Test func `of a newcomer all hear whom it found by one of them`() throws {
        var newcomer = try Gossip(
            Self.configuration("newcomer", 100, .fast), at: .zero, using: SplitMix64(seed: 2))
        var seed = try Gossip(Self.configuration("p1", 1, .fast), at: .zero, using: SplitMix64(seed: 3))
        for index in Self.peers where index != 1 {
            _ = seed.handleDatagram(Self.alive(index), from: Self.address(index), at: .zero)
        }
        var greeted: Set<MemberAddress> = []
        for case .openStream(let request) in newcomer.join([Self.address(1)], at: .zero) {
            var reader = seed.makeStreamReader(for: .responder)
            let answer = seed.handleRequest(.success(try #require(try reader.read(request.bytes))), at: .zero)
            var back = newcomer.makeStreamReader(for: .initiator)
            let bytes = try #require(answer.reply)
            let reply = try #require(try back.read(bytes))
            greeted = told(newcomer.handleReply(.success(reply), to: request.id, at: .zero)) { message in
                if case .alive(let alive) = message { alive.node == "newcomer" } else { false }
            }
        }
        #expect(greeted == everybody)
    }

    @Test func `so it is with events, queries, tags and the wish to leave`() throws {
        var gossip = try alpha()
        #expect(told(try gossip.sendUserEvent("deploy", at: .zero), isUser(.userEvent)) == everybody)
        #expect(told(try gossip.query("load", at: .zero).directives, isUser(.query)) == everybody)
        let tagged = told(try gossip.updateTags(["role": "web"], at: .zero)) { message in
            if case .alive(let alive) = message { alive.node == "alpha" } else { false }
        }
        #expect(tagged == everybody)
        #expect(told(gossip.leave(at: .zero), isUser(.leave)) == everybody)
    }

    @Test func `so it is with one that is found dead, but not with what others say`() throws {
        var gossip = try alpha()
        gossip.declareDead(try #require(gossip.nodes["p6"]), at: .zero)
        let isAboutP6: (PacketMessage) -> Bool = { message in
            if case .dead(let accusation) = message { accusation.node == "p6" } else { false }
        }
        #expect(told(gossip.takeDirectives(at: .zero), isAboutP6) == everybody.subtracting([Self.address(6)]))
        let hearsay = Accusation(incarnation: 1, node: "p5", from: "p2").encoded(as: .suspect)
        let directives = gossip.handleDatagram(hearsay, from: Self.address(2), at: .zero)
        let passedOn = told(directives) { if case .suspect = $0 { true } else { false } }
        #expect(passedOn.subtracting([Self.address(5)]).isEmpty, "others than the suspect hear of it by gossip")
    }

    @Test(arguments: [GossipSettings.lan, .wan, .local])
    func `who gossips as agents do says nothing more than they`(settings: GossipSettings) throws {
        var gossip = try alpha(settings)
        #expect(told(try gossip.sendUserEvent("deploy", at: .zero), isUser(.userEvent)).isEmpty)
    }

    @Test(arguments: [(news: 6, isTold: false), (7, true)])
    func `in larger clusters events are left to gossip, in large ones all news`(news: Int, isTold: Bool) throws {
        var settings = GossipSettings.fast
        (settings.directNewsLimit, settings.directEventLimit) = (news, 6)
        var gossip = try alpha(settings)
        #expect(told(try gossip.sendUserEvent("deploy", at: .zero), isUser(.userEvent)).isEmpty)
        let tagged = told(try gossip.updateTags(["role": "web"], at: .zero)) { message in
            if case .alive = message { true } else { false }
        }
        #expect(tagged == (isTold ? everybody : []))
    }

    @Test func `every join of a seventh member is known to all within a second`() throws {
        let scenario = Scenario(members: 7, settings: .fast)
        for seed in UInt64(1)...200 {
            let time = try scenario.joining(seed: seed)
            #expect(time.map { $0 < .seconds(1) } ?? false, "seed \(seed)")
        }
    }
}
