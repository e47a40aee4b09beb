import IgropyrSimulation
import IgropyrTime
import Testing

@testable import IgropyrGossip

/// Inputs made by hand, shown to a node called alpha at 127.0.1.1:7946.
@Suite struct UnusualInputTests {
    private let source = MemberAddress(ipv4: 127, 0, 1, 100, port: 7946)

    private func alpha(keys: [[UInt8]] = []) throws -> Gossip {
        var configuration = GossipConfiguration(name: "alpha", address: MemberAddress(ipv4: 127, 0, 1, 1, port: 7946))
        configuration.keys = keys
        return try Gossip(configuration, at: .zero, using: SplitMix64(seed: 1))
    }

    /// The numbers of the acks among the directives; everything else sent counts as nil.
    private func acks(_ directives: [Directive], _ gossip: Gossip) throws -> [UInt32?] {
        try directives.flatMap { directive -> [UInt32?] in
            guard case .send(let datagram, to: _) = directive else { return [] }
            return Packet.decode(try gossip.envelope.openPacket(datagram)).messages.compactMap { message in
                switch message {
                case .ack(let ack): ack.sequence
                case .alive(let alive) where alive.node == "alpha": nil  // Rides along.
                default: .some(nil)
                }
            }
        }
    }

    @Test(arguments: Vector.all.filter { $0.name.hasPrefix("accept-ping") })
    func `an unusual ping is answered`(vector: Vector) throws {
        var gossip = try alpha()
        let directives = gossip.handleDatagram(vector.bytes, from: source, at: .zero)
        let sequence = UInt32(vector.decoded["expect"].text.split(separator: " ").last ?? "")
        #expect(try acks(directives, gossip) == [sequence])
        guard case .send(_, to: let address)? = directives.first else { return }
        #expect(address == source)
    }

    @Test func `an empty push/pull is answered with the whole state`() throws {
        var gossip = try alpha()
        var reader = gossip.makeStreamReader(for: .responder)
        let vector = try Vector.named("accept-tcp-empty-pushpull")
        let request = try #require(try reader.read(vector.bytes))
        let answer = gossip.handleRequest(.success(request), at: .zero)
        var back = gossip.makeStreamReader(for: .initiator)
        let bytes = try #require(answer.reply)
        let reply = try #require(try back.read(bytes)).content
        guard case .pushPull(let state) = reply else { throw WireError.outOfRange }
        #expect(state.nodes.map(\.name) == ["alpha"])
        #expect(!state.isJoin)
    }

    @Test func `a user message over TCP delivers its event`() throws {
        var gossip = try alpha()
        var reader = gossip.makeStreamReader(for: .responder)
        let vector = try Vector.named("accept-tcp-user-message")
        let request = try #require(try reader.read(vector.bytes))
        let answer = gossip.handleRequest(.success(request), at: .zero)
        #expect(answer.reply == nil)
        guard case .userEvent(let event)? = answer.directives.first else { throw WireError.outOfRange }
        #expect(event.name == "tcpev" && event.payload == Array("x".utf8))
    }

    private static let harmless = Vector.all.filter {
        $0.name.hasPrefix("reject-") && $0.transport == "udp" && !$0.name.hasPrefix("reject-compound-count")
            && !$0.name.hasPrefix("reject-compound-tail")
    }

    @Test(arguments: harmless)
    func `a bad packet is neither answered nor passed on`(vector: Vector) throws {
        var gossip = try alpha(keys: vector.key.map { [$0] } ?? [])
        let before = gossip
        let directives = gossip.handleDatagram(vector.bytes, from: source, at: .zero)
        #expect(directives.isEmpty)
        #expect(gossip.members == before.members && gossip.nodes.count == 1)
        #expect(gossip.nodeBroadcasts.count == 1, "only ourselves")
        #expect(gossip.intentBroadcasts.isEmpty && gossip.queryBroadcasts.isEmpty && gossip.eventBroadcasts.isEmpty)
        var expected = before.counters
        expected.datagramsReceived = 1
        #expect(gossip.counters != expected || vector.name == "reject-compound-empty-part", "counted")
    }

    @Test func `the complete parts of a cut compound count`() throws {
        var gossip = try alpha()
        let vector = try Vector.named("reject-compound-tail-truncated")
        #expect(try acks(gossip.handleDatagram(vector.bytes, from: source, at: .zero), gossip) == [30])
    }

    @Test func `a compound may have more parts than we send`() throws {
        var gossip = try alpha()
        let vector = try Vector.named("reject-compound-count-130")
        #expect(try acks(gossip.handleDatagram(vector.bytes, from: source, at: .zero), gossip).count == 130)
    }

    @Test func `a stream under a wrong key is answered with an error under ours`() throws {
        let vector = try Vector.named("reject-enc-wrong-key-tcp")
        var gossip = try alpha(keys: vector.key.map { [$0] } ?? [])
        var reader = gossip.makeStreamReader(for: .responder)
        #expect(throws: WireError.undecryptable) { try reader.read(vector.bytes) }
        let reply = try #require(gossip.handleRequest(.failure(.undecryptable), at: .zero).reply)
        var back = gossip.makeStreamReader(for: .initiator)
        guard case .error? = try back.read(reply)?.content else { throw WireError.outOfRange }
    }

    @Test(arguments: ["", "blue", String(repeating: "l", count: 255)])
    func `a stream message is read however it is cut, be it shorter than its label`(label: String) throws {
        var configuration = GossipConfiguration(name: "alpha", address: MemberAddress(ipv4: 127, 0, 1, 1, port: 7946))
        configuration.label = label
        let gossip = try Gossip(configuration, at: .zero, using: SplitMix64(seed: 1))
        let ping = Ping(sequence: 7)
        let bytes = gossip.envelope.labelHeader + ping.encoded
        for cut in bytes.indices {
            var reader = gossip.makeStreamReader(for: .responder)
            #expect(try reader.read(Array(bytes[..<cut])) == nil, "cut at \(cut)")
            #expect(try reader.read(Array(bytes[cut...]))?.content == .ping(ping), "cut at \(cut)")
        }
    }

    @Test func `negative counts close the connection`() throws {
        let gossip = try alpha()
        var reader = gossip.makeStreamReader(for: .responder)
        let vector = try Vector.named("reject-pushpull-negative-nodes")
        #expect(throws: WireError.outOfRange) { try reader.read(vector.bytes) }
    }

    @Test func `a node without versions is answered, but nothing of it is believed`() throws {
        var gossip = try alpha()
        var reader = gossip.makeStreamReader(for: .responder)
        let vector = try Vector.named("reject-pushpull-node-without-vsn")
        let request = try #require(try reader.read(vector.bytes))
        let answer = gossip.handleRequest(.success(request), at: .zero)
        #expect(answer.reply != nil && answer.directives.isEmpty)
        #expect(gossip.members.map(\.name) == ["alpha"] && gossip.counters.incompatibleMerges == 1)
    }
}
