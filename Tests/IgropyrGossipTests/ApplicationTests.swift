import IgropyrSimulation
import IgropyrTime
import Testing

@testable import IgropyrGossip

/// What an application says over memberlist without Serf, and whom it lets in; seen from a node called alpha.
@Suite struct ApplicationTests {
    private static let bravo = MemberAddress(ipv4: 127, 0, 1, 2, port: 7946)

    private func alpha(_ change: (inout GossipConfiguration) -> Void = { _ in }) throws -> Gossip {
        var configuration = GossipConfiguration(name: "alpha", address: MemberAddress(ipv4: 127, 0, 1, 1, port: 7946))
        configuration.delegate = .application(ApplicationDelegate())
        change(&configuration)
        return try Gossip(configuration, at: .zero, using: SplitMix64(seed: 1))
    }

    private static let zero = Versions([1, 5, 2, 0, 0, 0])

    private func alive(_ name: String = "bravo", meta: [UInt8] = [], versions: Versions? = zero) -> [UInt8] {
        Alive(
            incarnation: 1, node: name, address: Self.bravo.ip, port: Self.bravo.port, meta: meta, versions: versions
        ).encoded
    }

    private func feed(_ message: [UInt8], to gossip: inout Gossip) -> [Directive] {
        gossip.handleDatagram(message, from: Self.bravo, at: .zero)
    }

    @Test func `metadata is the application's, and not taken for tags`() throws {
        var gossip = try alpha()
        _ = feed(alive(meta: [1, 2, 3]), to: &gossip)
        #expect(gossip.member(named: "bravo")?.metadata == [1, 2, 3] && gossip.member(named: "bravo")?.tags == [:])
        _ = try gossip.updateMetadata([7], at: .zero)
        #expect(gossip.nodes["alpha"]?.meta == [7] && gossip.member(named: "alpha")?.metadata == [7])
        #expect(throws: GossipError.tagsTooLarge) {
            _ = try gossip.updateMetadata([UInt8](repeating: 0, count: 513), at: .zero)
        }
    }

    @Test func `members with other versions of the application are kept apart`() throws {
        var gossip = try alpha { configuration in
            var delegate = ApplicationDelegate()
            (delegate.minimumVersion, delegate.maximumVersion, delegate.currentVersion) = (2, 3, 3)
            configuration.delegate = .application(delegate)
        }
        _ = feed(alive("old"), to: &gossip)
        _ = feed(alive("new", versions: Versions([1, 5, 2, 2, 4, 2])), to: &gossip)
        #expect(gossip.members.map(\.name) == ["alpha", "new"])
    }

    @Test func `user messages arrive as they were sent, broadcast or to one, by packet or TCP`() throws {
        var gossip = try alpha()
        _ = feed(alive(), to: &gossip)
        var received: [[UInt8]] = []
        var other = try alpha { $0.name = "bravo" }
        func take(_ directives: [Directive]) {
            for case .userMessage(let bytes) in directives { received.append(bytes) }
        }
        for directive in try gossip.sendUserMessage([1, 2], to: "bravo", isReliable: false, at: .zero) {
            if case .send(let bytes, _) = directive { take(other.handleDatagram(bytes, from: Self.bravo, at: .zero)) }
        }
        for directive in try gossip.sendUserMessage([3, 4], to: "bravo", isReliable: true, at: .zero) {
            guard case .openStream(let request) = directive else { continue }
            var reader = other.makeStreamReader(for: .responder)
            let message = try #require(try reader.read(request.bytes))
            let answer = other.handleRequest(.success(message), at: .zero)
            #expect(answer.reply == nil)
            take(answer.directives)
        }
        _ = try gossip.broadcastUserMessage([5, 6], at: .zero)
        for directive in gossip.handleTimeout(at: .seconds(1)) {
            if case .send(let bytes, _) = directive { take(other.handleDatagram(bytes, from: Self.bravo, at: .zero)) }
        }
        #expect(Set(received) == [[1, 2], [3, 4], [5, 6]])
        #expect(throws: GossipError.unknownMember("charlie")) {
            _ = try gossip.sendUserMessage([1], to: "charlie", isReliable: true, at: .zero)
        }
        #expect(throws: GossipError.self) {
            _ = try gossip.broadcastUserMessage([UInt8](repeating: 0, count: 2_000), at: .zero)
        }
    }

    @Test func `each exchange of whole states carries the application's state`() throws {
        var gossip = try alpha()
        var other = try alpha {
            $0.name = "bravo"; $0.address = Self.bravo
        }
        try gossip.setUserState([1, 2, 3])
        try other.setUserState([4, 5, 6])
        var states: [[UInt8]] = []
        for directive in gossip.join([Self.bravo], at: .zero) {
            guard case .openStream(let request) = directive else { continue }
            var reader = other.makeStreamReader(for: .responder)
            let answer = other.handleRequest(.success(try #require(try reader.read(request.bytes))), at: .zero)
            var back = gossip.makeStreamReader(for: .initiator)
            let bytes = try #require(answer.reply)
            let reply = try #require(try back.read(bytes))
            for directive in answer.directives + gossip.handleReply(.success(reply), to: request.id, at: .zero) {
                if case .userState(let bytes, _) = directive { states.append(bytes) }
            }
        }
        #expect(states == [[1, 2, 3], [4, 5, 6]])
        #expect(gossip.member(named: "bravo")?.status == .alive)
    }

    @Test func `who says goodbye has left, who does not has failed`() throws {
        for (from, status) in [("bravo", Member.Status.left), ("charlie", .failed)] {
            var gossip = try alpha()
            _ = feed(alive(), to: &gossip)
            _ = feed(Accusation(incarnation: 1, node: "bravo", from: from).encoded(as: .dead), to: &gossip)
            #expect(gossip.member(named: "bravo")?.status == status)
        }
    }

    @Test func `what Serf is for is refused without it, and the other way round`() throws {
        var plain = try alpha()
        #expect(throws: GossipError.needsSerf) { _ = try plain.sendUserEvent("deploy", at: .zero) }
        #expect(throws: GossipError.needsSerf) { _ = try plain.query("load", at: .zero) }
        #expect(throws: GossipError.needsSerf) { _ = try plain.updateTags(["role": "web"], at: .zero) }
        #expect(throws: GossipError.needsSerf) { _ = try alpha { $0.tags = ["role": "web"] } }
        var withSerf = try alpha { $0.delegate = .serf }
        #expect(throws: GossipError.belongsToSerf) { try withSerf.setUserState([1]) }
        #expect(throws: GossipError.belongsToSerf) { _ = try withSerf.broadcastUserMessage([1], at: .zero) }
        #expect(throws: GossipError.belongsToSerf) { _ = try withSerf.updateMetadata([1], at: .zero) }
    }

    @Test(arguments: [GossipDelegate.serf, .application(ApplicationDelegate())])
    func `whom the policy does not admit is no member, and its cluster is not merged`(delegate: GossipDelegate) throws {
        let ours = delegate.versions
        var gossip = try alpha { configuration in
            configuration.delegate = delegate
            var policy = AdmissionPolicy()
            policy.admits = { $0.name != "bravo" }
            policy.merges = { !$0.contains { $0.name == "mallory" } }
            configuration.admission = policy
        }
        let names = ["bravo", "charlie"]
        for name in names { _ = feed(alive(name, meta: [0xFF, 0x80], versions: ours), to: &gossip) }
        #expect(gossip.members.map(\.name) == ["alpha", "charlie"] && gossip.counters.refusedMembers == 1)
        let nodes = ["delta", "mallory"].map { name in
            NodeState(
                name: name, address: IPAddress(bytes: [127, 0, 1, 9]), port: 7946, meta: [0xFF, 0x80], incarnation: 1,
                state: 0,
                versions: ours)
        }
        for count in [2, 1] {
            let state = PushPull(isJoin: true, nodes: Array(nodes.prefix(count)), userState: [])
            _ = gossip.handleRequest(.success(StreamMessage(content: .pushPull(state))), at: .zero)
            #expect(gossip.members.contains { $0.name == "delta" } == (count == 1))
        }
        #expect(gossip.counters.refusedMembers == 2)
    }
}
