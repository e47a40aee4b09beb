import IgropyrSimulation
import IgropyrTime
import Testing

@testable import IgropyrGossip

/// Connections that stay open, seen from a node called alpha that knows bravo.
@Suite struct LinkTests {
    private static let bravo = MemberAddress(ipv4: 127, 0, 1, 2, port: 7946)

    private func alpha(linkFanout: Int = 8) throws -> Gossip {
        var configuration = GossipConfiguration(name: "alpha", address: MemberAddress(ipv4: 127, 0, 1, 1, port: 7946))
        configuration.settings.linkFanout = linkFanout
        configuration.settings.probeInterval = .seconds(3600)
        var gossip = try Gossip(configuration, at: .zero, using: SplitMix64(seed: 1))
        let alive = Alive(
            incarnation: 1, node: "bravo", address: Self.bravo.ip, port: Self.bravo.port, meta: [0xFF, 0x80],
            versions: .ours)
        _ = gossip.handleDatagram(alive.encoded, from: Self.bravo, at: .zero)
        return gossip
    }

    private func streams(_ directives: [Directive]) -> [StreamRequest] {
        directives.compactMap { if case .openStream(let request) = $0 { request } else { nil } }
    }

    private func ping(_ request: StreamRequest) throws -> Ping {
        var reader = StreamReader(
            envelope: Envelope(keyring: try #require(Keyring([])), label: []), role: .responder, limitBytes: 1 << 20)
        let message = try #require(try reader.read(request.bytes))
        guard case .ping(let ping) = message.content else { throw WireError.unknownMessage(0) }
        return ping
    }

    private func ack(_ request: StreamRequest) throws -> Result<StreamMessage, StreamFailure> {
        .success(StreamMessage(content: .ack(Ack(sequence: try ping(request).sequence))))
    }

    /// A link to bravo that has stood for two seconds.
    private func linked(_ gossip: inout Gossip) throws -> StreamID {
        let request = try #require(streams(gossip.handleTimeout(at: .zero)).first)
        #expect(request.staysOpen && request.address == Self.bravo)
        _ = gossip.handleReply(try ack(request), to: request.id, at: .zero)
        return request.id
    }

    private func status(of gossip: Gossip) -> Member.Status? { gossip.member(named: "bravo")?.status }

    @Test func `a neighbour whose kernel refuses a connection after its link has ended is dead`() throws {
        var gossip = try alpha()
        let link = try linked(&gossip)
        let check = try #require(streams(gossip.handleLinkClosed(link, at: .seconds(2))).first)
        #expect(!check.staysOpen && status(of: gossip) == .alive)
        _ = gossip.handleReply(.failure(.connectionRefused), to: check.id, at: .seconds(2))
        #expect(status(of: gossip) == .failed)
        #expect(gossip.deadline <= .seconds(2))  // The news goes out at once.
    }

    @Test func `a neighbour that answers after its link has ended is alive, and gets a new link`() throws {
        var gossip = try alpha()
        let link = try linked(&gossip)
        let check = try #require(streams(gossip.handleLinkClosed(link, at: .seconds(2))).first)
        _ = gossip.handleReply(try ack(check), to: check.id, at: .seconds(2))
        #expect(status(of: gossip) == .alive && gossip.nodes["bravo"]?.state == .alive)
        #expect(streams(gossip.handleTimeout(at: .seconds(3))).contains { $0.staysOpen })
    }

    @Test func `a neighbour that nothing is heard of after its link has ended is suspect`() throws {
        var gossip = try alpha()
        let link = try linked(&gossip)
        let check = try #require(streams(gossip.handleLinkClosed(link, at: .seconds(2))).first)
        _ = gossip.handleReply(.failure(.timedOut), to: check.id, at: .seconds(3))
        #expect(gossip.nodes["bravo"]?.state == .suspect)
    }

    @Test(arguments: 1...3) func `a neighbour that cuts the check as it cut the link is asked again, twice`(
        cuts: Int
    ) throws {
        var gossip = try alpha()
        let link = try linked(&gossip)
        var directives = gossip.handleLinkClosed(link, at: .seconds(2))
        for cut in 1...cuts {
            let check = try #require(streams(directives).first)
            directives = gossip.handleReply(.failure(.closedWithoutReply), to: check.id, at: .seconds(2))
            #expect(gossip.nodes["bravo"]?.state == (cut < 3 ? .alive : .suspect))
        }
        guard cuts < 3 else {
            #expect(streams(directives).isEmpty)
            return
        }
        let check = try #require(streams(directives).first)
        _ = gossip.handleReply(.failure(.connectionRefused), to: check.id, at: .seconds(2))
        #expect(status(of: gossip) == .failed)
    }

    @Test func `whoever closes after the answer, as agents do, is not asked again for a while`() throws {
        var gossip = try alpha()
        let link = try linked(&gossip)
        #expect(streams(gossip.handleLinkClosed(link, at: .milliseconds(10))).isEmpty)
        #expect(gossip.counters.linksLost == 0)
        var times: [Int] = []
        for second in 0..<200 {
            for request in streams(gossip.handleTimeout(at: .seconds(Int64(second)))) where request.staysOpen {
                times.append(second)
                _ = gossip.handleReply(try ack(request), to: request.id, at: .seconds(Int64(second)))
                _ = gossip.handleLinkClosed(request.id, at: .seconds(Int64(second)))
            }
        }
        #expect(times == [2, 4, 8, 16, 32, 64, 128, 192], "\(times)")
    }

    @Test func `a member that is dead for others has its links closed`() throws {
        var gossip = try alpha()
        let link = try linked(&gossip)
        let accusation = Accusation(incarnation: 1, node: "bravo", from: "charlie")
        let directives = gossip.handleDatagram(
            accusation.encoded(as: .dead), from: Self.bravo, at: .seconds(2))
        #expect(directives.contains { if case .closeLink(link) = $0 { true } else { false } })
        #expect(gossip.handleLinkClosed(link, at: .seconds(3)).isEmpty)
    }

    private func request(from node: String) -> Result<StreamMessage, WireError> {
        let source = PingSource(address: Self.bravo.ip, port: Self.bravo.port, node: node)
        return .success(StreamMessage(content: .ping(Ping(sequence: 7, node: "alpha", source: source))))
    }

    private static let strangers: [(node: String, linkFanout: Int, isLink: Bool)] = [
        ("bravo", 8, true), ("bravo", 0, false), ("charlie", 8, false), ("alpha", 8, false), ("", 8, false),
    ]

    @Test(arguments: strangers)
    func `only members get links`(node: String, linkFanout: Int, isLink: Bool) throws {
        var gossip = try alpha(linkFanout: linkFanout)
        let answer = gossip.handleRequest(request(from: node), at: .zero)
        #expect(answer.reply != nil && (answer.link != nil) == isLink)
    }

    @Test func `a member has one link to us, the latest`() throws {
        var gossip = try alpha()
        let first = try #require(gossip.handleRequest(request(from: "bravo"), at: .zero).link)
        let again = gossip.handleRequest(request(from: "bravo"), at: .seconds(1))
        #expect(again.link != nil && gossip.links.inboundCount == 1)
        #expect(again.directives.contains { if case .closeLink(first) = $0 { true } else { false } })
    }

    @Test(arguments: [(2, 1), (3, 1), (4, 2), (10, 5), (100, 8)])
    func `each pair of a small cluster has a link, a large one's members have eight each`(
        members: Int, links: Int
    ) throws {
        var gossip = try alpha()
        for index in 1..<members - 1 {
            let address = MemberAddress(ipv4: 127, 0, 2, UInt8(index), port: 7946)
            let alive = Alive(
                incarnation: 1, node: "m\(index)", address: address.ip, port: 7946, meta: [0xFF, 0x80],
                versions: .ours)
            _ = gossip.handleDatagram(alive.encoded, from: address, at: .zero)
        }
        #expect(streams(gossip.handleTimeout(at: .zero)).count { $0.staysOpen } == links)
    }
}
