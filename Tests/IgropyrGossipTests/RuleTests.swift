import IgropyrSimulation
import IgropyrText
import IgropyrTime
import Testing

@testable import IgropyrGossip

/// Single rules of the protocol, on a node called alpha that knows bravo.
@Suite struct RuleTests {
    private static let bravo = MemberAddress(ipv4: 127, 0, 1, 2, port: 7946)

    private func alpha(keys: [[UInt8]] = []) throws -> Gossip {
        var configuration = GossipConfiguration(name: "alpha", address: MemberAddress(ipv4: 127, 0, 1, 1, port: 7946))
        configuration.keys = keys
        configuration.tags = ["role": "web"]
        var gossip = try Gossip(configuration, at: .zero, using: SplitMix64(seed: 1))
        _ = feed(alive("bravo", 1), to: &gossip)
        return gossip
    }

    private func alive(_ name: String, _ incarnation: UInt32, address: MemberAddress = bravo) -> [UInt8] {
        Alive(
            incarnation: incarnation, node: name, address: address.ip, port: address.port, meta: [0xFF, 0x80],
            versions: .ours
        ).encoded
    }

    private func feed(_ message: [UInt8], to gossip: inout Gossip, at now: Timestamp = .zero) -> [Directive] {
        gossip.handleDatagram(
            gossip.envelope.sealPacket(message) { [UInt8](repeating: 0, count: 12) }, from: Self.bravo, at: now)
    }

    private func feed(serf message: [UInt8], to gossip: inout Gossip) -> [Directive] {
        feed([8] + message, to: &gossip)
    }

    private func kinds(_ directives: [Directive]) -> [MemberEvent.Kind] {
        directives.compactMap { if case .member(let event) = $0 { event.kind } else { nil } }
    }

    /// What is sent right away, without what rides along.
    private func sent(
        _ directives: [Directive], by gossip: Gossip
    ) throws -> [(message: PacketMessage, to: MemberAddress)] {
        try directives.compactMap { directive in
            guard case .send(let datagram, let target) = directive else { return nil }
            return Packet.decode(try gossip.envelope.openPacket(datagram)).messages.first.map { ($0, target) }
        }
    }

    // MARK: - Suspicion

    private static let timeouts: [(nodes: Int, confirmations: Int, milliseconds: Int64)] = [
        (3, 0, 4_000), (3, 2, 4_000), (4, 0, 24_000), (4, 1, 11_381), (4, 2, 4_000), (10, 0, 24_000), (100, 0, 48_000),
        (100, 2, 8_000),
    ]

    @Test(arguments: timeouts)
    func `confirmations shorten a suspicion`(nodes: Int, confirmations: Int, milliseconds: Int64) throws {
        let node = try #require(try alpha().nodes["bravo"])
        var suspicion = Suspicion(of: node, by: "x", nodeCount: nodes, settings: .lan, at: .zero)
        let counted = ((0..<confirmations).map(String.init) + ["x"]).map { suspicion.confirm(by: $0) }
        #expect(counted == [Bool](repeating: nodes > 3, count: confirmations) + [false])
        #expect(suspicion.deadline == .milliseconds(milliseconds))
    }

    @Test func `logarithms are exact where formulas need them`() {
        #expect(
            (1...101).map(Logarithm.decimalCeiling).reduce(into: [:]) { $0[$1, default: 0] += 1 } == [
                0: 1, 1: 9, 2: 90, 3: 1,
            ])
        #expect([33, 64, 65].map(Logarithm.binaryCeiling) == [6, 6, 7])
        #expect(abs(Logarithm.decimal(1000) - 3) < 1e-14 && abs(Logarithm.natural(3) - 1.0986122886681098) < 1e-14)
    }

    // MARK: - Claims about nodes

    @Test func `claims beat each other by incarnation`() throws {
        var gossip = try alpha()
        let suspect = Accusation(incarnation: 1, node: "bravo", from: "x").encoded(as: .suspect)
        _ = feed(suspect, to: &gossip)
        #expect(gossip.nodes["bravo"]?.state == .suspect)
        _ = feed(alive("bravo", 1), to: &gossip)
        #expect(gossip.nodes["bravo"]?.state == .suspect, "only a higher incarnation clears a suspect")
        _ = feed(alive("bravo", 2), to: &gossip)
        #expect(gossip.nodes["bravo"]?.state == .alive)
        #expect(
            kinds(feed(Accusation(incarnation: 1, node: "bravo", from: "x").encoded(as: .dead), to: &gossip)).isEmpty)
        #expect(
            kinds(feed(Accusation(incarnation: 2, node: "bravo", from: "x").encoded(as: .dead), to: &gossip)) == [
                .failed
            ])
        #expect(kinds(feed(alive("bravo", 3), to: &gossip)) == [.joined])
    }

    @Test func `a suspicion that is not refuted ends in death`() throws {
        var gossip = try alpha()
        _ = feed(Accusation(incarnation: 1, node: "bravo", from: "x").encoded(as: .suspect), to: &gossip)
        #expect(kinds(gossip.handleTimeout(at: .milliseconds(3_999))).isEmpty)
        #expect(kinds(gossip.handleTimeout(at: .milliseconds(4_000))) == [.failed])
    }

    @Test func `the highest incarnation is not outbid, and nothing wraps`() throws {
        var gossip = try alpha()
        let highest = Gossip.highestIncarnation
        _ = feed(Accusation(incarnation: highest - 1, node: "alpha", from: "x").encoded(as: .suspect), to: &gossip)
        #expect(gossip.incarnation == highest)
        _ = feed(Accusation(incarnation: highest, node: "alpha", from: "x").encoded(as: .dead), to: &gossip)
        #expect(gossip.incarnation == highest && gossip.nodes["alpha"]?.state == .alive)
        _ = try gossip.updateTags(["a": "b"], at: .zero)
        #expect(gossip.incarnation == highest)
    }

    @Test func `an incarnation that its member could not outbid is believed by nobody`() throws {
        var gossip = try alpha()
        for member in ["alpha", "bravo"] {
            for type in [MessageType.suspect, .dead] {
                _ = feed(Accusation(incarnation: .max, node: member, from: "x").encoded(as: type), to: &gossip)
            }
            _ = feed(alive(member, .max), to: &gossip)
        }
        #expect(gossip.incarnation == 1 && gossip.nodes["bravo"]?.incarnation == 1)
        #expect(gossip.nodes["bravo"]?.state == .alive && gossip.counters.implausibleTimes >= 5)
    }

    @Test func `one packet cannot take down all members: claims of death beyond a quarter are suspicions`() throws {
        var gossip = try alpha()
        let names = (0..<15).map { "n\($0)" }
        for name in names { _ = feed(alive(name, 1), to: &gossip) }
        let claims = names.enumerated().map { index, name in
            Accusation(incarnation: 1, node: name, from: index.isMultiple(of: 2) ? "x" : name).encoded(as: .dead)
        }
        let packet = Packet.encode(claims, compresses: false, addsChecksum: false)
        #expect(kinds(feed(packet, to: &gossip)).count == 4)  // Of 17.
        #expect(gossip.nodes.all.count { $0.state == .suspect } == 11 && gossip.counters.deathsDoubted == 11)
        _ = feed(alive("n14", 2), to: &gossip)
        #expect(gossip.nodes["n14"]?.state == .alive)
        #expect(kinds(feed(Packet.encode(claims, compresses: false, addsChecksum: false), to: &gossip)).isEmpty)
        let later = gossip.handleDatagram(packet, from: Self.bravo, at: .seconds(1))
        #expect(kinds(later).count == 4)
    }

    @Test func `a name in use is not taken over, one that is free is`() throws {
        var gossip = try alpha()
        let elsewhere = MemberAddress(ipv4: 127, 0, 1, 9, port: 7946)
        let directives = feed(alive("bravo", 9, address: elsewhere), to: &gossip)
        guard case .nameConflict(name: "bravo", address: elsewhere)? = directives.first else {
            throw WireError.outOfRange
        }
        _ = feed(Accusation(incarnation: 1, node: "bravo", from: "bravo").encoded(as: .dead), to: &gossip)
        #expect(kinds(feed(alive("bravo", 1, address: elsewhere), to: &gossip)) == [.joined])
        #expect(gossip.member(named: "bravo")?.address == elsewhere)
    }

    @Test func `the member table is bounded`() throws {
        var configuration = GossipConfiguration(name: "alpha", address: MemberAddress(ipv4: 127, 0, 1, 1, port: 7946))
        configuration.settings.memberLimit = 10
        var gossip = try Gossip(configuration, at: .zero, using: SplitMix64(seed: 1))
        for index in 0..<100 { _ = feed(alive("n\(index)", 1), to: &gossip) }
        #expect(gossip.members.count == 10 && gossip.counters.tableOverflows == 91)
    }

    @Test func `versions that would break every merge do not get in`() throws {
        let odd: [[UInt8]] = [
            [5, 5, 5, 2, 5, 5], [1, 5, 2, 6, 9, 7], [1, 5, 9, 2, 5, 5], [5, 1, 2, 2, 5, 5], [0, 5, 2, 2, 5, 5],
            [1, 5, 2],
        ]
        for versions in odd {
            var gossip = try alpha()
            var claim = Alive(incarnation: 1, node: "odd", address: Self.bravo.ip, port: 1)
            claim.versions = Versions(versions[...])
            #expect(feed(claim.encoded, to: &gossip).isEmpty)
            #expect(gossip.member(named: "odd") == nil && gossip.counters.unusableMembers == 1)
        }
    }

    // MARK: - Serf

    @Test func `a leave intent decides between left and failed`() throws {
        for (hasIntent, kind) in [(true, MemberEvent.Kind.left), (false, .failed)] {
            var gossip = try alpha()
            if hasIntent { _ = feed(serf: Intent(kind: .leave, time: 5, node: "bravo").encoded, to: &gossip) }
            let goodbye = Accusation(incarnation: 1, node: "bravo", from: "bravo").encoded(as: .dead)
            #expect(kinds(feed(goodbye, to: &gossip)) == [kind])
        }
    }

    @Test func `a leave intent about us is answered by a join intent, as recorded`() throws {
        var gossip = try alpha()
        _ = feed(serf: Intent(kind: .leave, time: 50, node: "alpha").encoded, to: &gossip)
        let recorded = try Vector.named("serf-leave-refuted-by-join").leaves[0]["serf"]
        #expect(gossip.intentBroadcasts.messages == [try #require(SerfMessage(recorded)).encoded])
    }

    @Test func `an intent about an unknown member waits for it`() throws {
        var gossip = try alpha()
        _ = feed(serf: Intent(kind: .leave, time: 5, node: "charlie").encoded, to: &gossip)
        _ = feed(alive("charlie", 1, address: MemberAddress(ipv4: 127, 0, 1, 3, port: 1)), to: &gossip)
        #expect(gossip.member(named: "charlie")?.status == .leaving)
    }

    @Test func `no time can wrap a clock, or take it so far that nobody is heard any more`() throws {
        var gossip = try alpha()
        let furthest = gossip.eventClock.time + LamportClock.leap
        for time: UInt64 in [.max, 1 << 63, 1 << 62, 1 << 62 - 1, furthest + 1] {
            #expect(feed(serf: UserEventMessage(time: time, name: "x").encoded, to: &gossip).isEmpty)
            _ = feed(serf: Intent(kind: .join, time: time, node: "bravo").encoded, to: &gossip)
        }
        #expect(gossip.counters.implausibleTimes == 10 && gossip.eventClock.time < LamportClock.leap)
        #expect(!feed(serf: UserEventMessage(time: furthest, name: "x").encoded, to: &gossip).isEmpty)
        let sent = try gossip.sendUserEvent("late", at: .zero)
        #expect(sent.contains { if case .userEvent(let event) = $0 { event.name == "late" } else { false } })
        #expect(gossip.eventClock.time == furthest + 2)
    }

    @Test func `a clock ends where it cannot wrap, and no further`() {
        var clock = LamportClock(time: LamportClock.limit - 2)
        clock.witness(LamportClock.limit)
        #expect(clock.time == LamportClock.limit - 2)
        clock.witness(LamportClock.limit - 1)
        clock.witness(clock.time)
        #expect(clock.time == LamportClock.limit)
    }

    @Test func `a known event is neither delivered nor passed on again`() throws {
        var gossip = try alpha()
        let event = UserEventMessage(time: 700, name: "x", payload: [1]).encoded
        #expect(feed(serf: event, to: &gossip).count == 1)
        #expect(feed(serf: event, to: &gossip).isEmpty)
        #expect(feed(serf: UserEventMessage(time: 188, name: "old").encoded, to: &gossip).isEmpty)
        #expect(gossip.eventBroadcasts.count == 1 && gossip.counters.staleEvents == 1)
    }

    @Test func `only answers are relayed, and only to members`() throws {
        var gossip = try alpha()
        let answer = QueryResponseMessage(time: 1, id: 2, from: "x").encoded
        let toMember = RelayMessage(address: Self.bravo.bytes, port: 7946, node: "bravo", message: answer)
        let directives = feed(serf: toMember.encoded, to: &gossip)
        let relayed = try sent(directives, by: gossip)
        #expect(relayed.map(\.message) == [.user(answer)] && relayed.map(\.to) == [Self.bravo])
        let toStranger = RelayMessage(address: [8, 8, 8, 8], port: 53, node: "dns", message: answer)
        let notAnAnswer = RelayMessage(address: Self.bravo.bytes, port: 7946, node: "bravo", message: [3, 0x80])
        for relay in [toStranger, notAnAnswer] { #expect(feed(serf: relay.encoded, to: &gossip).isEmpty) }
        #expect(gossip.counters.refusedRelays == 2)
    }

    private static let filters: [(filter: [UInt8], isForUs: Bool)] = [
        (QueryFilter.encode(names: ["bravo", "alpha"]), true), (QueryFilter.encode(names: ["bravo"]), false),
        (QueryFilter.encode(tag: "role", expression: "^web$"), true),
        (QueryFilter.encode(tag: "role", expression: "e"), true),
        (QueryFilter.encode(tag: "role", expression: "^e"), false),
        (QueryFilter.encode(tag: "role", expression: ".*"), true),
        (QueryFilter.encode(tag: "none", expression: "^$"), true),
        (QueryFilter.encode(tag: "role", expression: "w(e|i)b"), true),
        (QueryFilter.encode(tag: "role", expression: "w(e"), false), ([9], false), ([0, 0xDD], false),
    ]

    @Test(arguments: filters) func `a query is for those that its filters match`(filter: [UInt8], isForUs: Bool) throws
    {
        var gossip = try alpha()
        let query = QueryMessage(
            time: 3, id: 4, address: Self.bravo.bytes, port: 7946, filters: [filter], flags: QueryMessage.wantsAck,
            name: "q")
        let directives = feed(serf: query.encoded, to: &gossip)
        #expect(directives.isEmpty != isForUs)
        #expect(gossip.queryBroadcasts.count == 1, "passed on in any case")
        if isForUs {
            let ack = QueryResponseMessage(time: 3, id: 4, from: "alpha", flags: 1).encoded
            #expect(try sent(directives, by: gossip).map(\.message) == [.user(ack)])
        }
    }

    @Test func `keys rotate on request`() throws {
        let (old, new) = ([UInt8](repeating: 1, count: 16), [UInt8](repeating: 2, count: 32))
        var gossip = try alpha(keys: [old])
        var time: UInt64 = 10
        func ask(_ command: KeyCommand, _ key: [UInt8]) throws -> KeyResponse {
            time += 1
            let query = QueryMessage(
                time: time, id: 1, address: Self.bravo.bytes, port: 7946, name: command.rawValue,
                payload: KeyRequest(key: key).encoded)
            let directives = feed(serf: query.encoded, to: &gossip)
            guard case .user(let bytes)? = try sent(directives, by: gossip).first?.message,
                case .response(let response) = try SerfMessage(bytes)
            else { throw WireError.outOfRange }
            var reader = MessagePackReader(response.payload ?? [], from: 1)
            return try KeyResponse(from: &reader)
        }
        #expect(try !ask(.use, new).isSuccess)
        #expect(try ask(.install, new).isSuccess)
        #expect(try ask(.use, new).isSuccess)
        #expect(try !ask(.remove, new).isSuccess)
        #expect(try ask(.list, []).keys == [new, old].map(Base64.text))
        #expect(try ask(.remove, old).isSuccess)
        #expect(try !ask(.install, [1]).isSuccess)
        #expect(gossip.keys == [new])
    }

    // MARK: - Encryption and forgetting

    @Test func `what an old member sealed with padding is read, and broken padding is not`() throws {
        let keyring = try #require(Keyring([[UInt8](repeating: 1, count: 16)]))
        func sealed(_ plaintext: [UInt8]) -> [UInt8] {  // The version is not part of what the seal covers.
            let nonce = [UInt8](repeating: 7, count: 12)
            return [0] + (keyring.seal(plaintext, nonce: nonce, authenticating: []) ?? []).dropFirst()
        }
        for count in [0, 1, 15, 16, 17] {
            let message = [UInt8](repeating: 9, count: count)
            let padding = 16 - count % 16
            let padded = message + [UInt8](repeating: UInt8(padding), count: padding)
            #expect(try keyring.open(sealed(padded), authenticating: []) == message)
        }
        for broken in [[], [0], [17], [UInt8](repeating: 3, count: 2), [1, 2, 3, 9, 2]] as [[UInt8]] {
            #expect(throws: WireError.undecryptable) { try keyring.open(sealed(broken), authenticating: []) }
        }
    }

    @Test func `who is to be pruned is forgotten once it has left, and not if it stays`() throws {
        for stays in [false, true] {
            var gossip = try alpha()
            _ = feed(serf: Intent(kind: .leave, time: 5, node: "bravo", isPrune: true).encoded, to: &gossip)
            #expect(gossip.member(named: "bravo")?.status == .leaving)
            if stays { _ = feed(serf: Intent(kind: .join, time: 6, node: "bravo").encoded, to: &gossip) }
            let goodbye = Accusation(incarnation: 1, node: "bravo", from: "bravo").encoded(as: .dead)
            #expect(kinds(feed(goodbye, to: &gossip)) == (stays ? [.failed] : [.left, .reaped]))
        }
    }

    @Test func `who is long gone is forgotten, and may come back`() throws {
        for (hasLeft, hours) in [(true, 24), (false, 24)] as [(Bool, Int64)] {
            var gossip = try alpha()
            if hasLeft { _ = feed(serf: Intent(kind: .leave, time: 5, node: "bravo").encoded, to: &gossip) }
            _ = feed(Accusation(incarnation: 1, node: "bravo", from: "bravo").encoded(as: .dead), to: &gossip)
            #expect(gossip.member(named: "bravo")?.status == (hasLeft ? .left : .failed))
            #expect(kinds(gossip.handleTimeout(at: .seconds(hours * 3600 - 1))).isEmpty)
            #expect(kinds(gossip.handleTimeout(at: .seconds(hours * 3600 + 16))) == [.reaped])
            #expect(gossip.member(named: "bravo") == nil && gossip.knownCoordinates.keys.sorted() == ["alpha"])
            #expect(kinds(feed(alive("bravo", 2), to: &gossip, at: .seconds(hours * 3600 + 20))) == [.joined])
        }
    }

    // MARK: - Our own queries

    @Test func `a query of ours carries filters and relays, and names who should answer`() throws {
        var gossip = try alpha()
        var request = QueryRequest("load", payload: [7])
        request.tags = ["role": "^web"]
        request.relayFactor = 2
        let sent = try gossip.query(request, at: .zero)
        #expect(sent.asked == ["alpha"], "bravo has no such tag")
        guard case .query(let message) = try SerfMessage(try #require(gossip.queryBroadcasts.messages.first)) else {
            throw WireError.outOfRange
        }
        #expect(message.relayFactor == 2 && message.filters == [QueryFilter.encode(tag: "role", expression: "^web")])
        #expect(throws: GossipError.reservedName("_serf_ping")) {
            try gossip.query("_serf_ping", at: .zero)
        }
        request.tags = [:]
        request.payload = [UInt8](repeating: 0, count: 1_024)
        #expect(throws: GossipError.queryTooLarge(limitBytes: 1_024)) { try gossip.query(request, at: .zero) }
    }

    @Test func `a cancelled query takes no answer and does not end`() throws {
        var gossip = try alpha()
        let sent = try gossip.query("load", timeout: .seconds(1), at: .zero)
        gossip.cancelQuery(sent.id)
        let answer = QueryResponseMessage(time: sent.id.time, id: sent.id.number, from: "bravo", payload: [1])
        #expect(feed(serf: answer.encoded, to: &gossip).isEmpty)
        #expect(!gossip.handleTimeout(at: .seconds(2)).contains { if case .queryFinished = $0 { true } else { false } })
    }

    @Test func `a change of keys reaches us first, then everybody`() throws {
        let (old, new) = ([UInt8](repeating: 1, count: 16), [UInt8](repeating: 2, count: 32))
        var gossip = try alpha(keys: [old])
        let sent = try gossip.changeKeys(.install(new), at: .zero)
        #expect(sent.asked == ["alpha", "bravo"] && gossip.keys == [old, new])
        let answers = sent.directives.compactMap { directive -> KeyResponse? in
            guard case .queryAnswered(sent.id, "alpha", let payload) = directive else { return nil }
            return try? KeyResponse(payload: payload)
        }
        #expect(answers.map(\.isSuccess) == [true])
        #expect(throws: GossipError.invalidKey) { try gossip.changeKeys(.use([1]), at: .zero) }
        var plain = try alpha()
        #expect(throws: GossipError.notEncrypted) { try plain.changeKeys(.list, at: .zero) }
    }

    // MARK: - One name, two hosts

    /// Alpha, which knows `voters` besides bravo, hears that it is elsewhere; returns its poll.
    private func contested(voters: Int) throws -> (gossip: Gossip, poll: QueryMessage) {
        var gossip = try alpha()
        for index in 0..<voters { _ = feed(alive("voter-\(index)", 1), to: &gossip) }
        let elsewhere = MemberAddress(ipv4: 127, 0, 1, 9, port: 7946)
        _ = feed(alive("alpha", 5, address: elsewhere), to: &gossip)
        guard case .query(let poll)? = try gossip.queryBroadcasts.messages.first.map({ try SerfMessage($0) }) else {
            throw WireError.outOfRange
        }
        return (gossip, poll)
    }

    private func vote(_ voter: String, for address: MemberAddress, on poll: QueryMessage) -> [UInt8] {
        let announcement = Announcement(name: "alpha", address: address, meta: [], tags: [:], versions: .ours)
        let member = SerfMember(announcement, statusTime: 1)
        return QueryResponseMessage(
            time: poll.time, id: poll.id, from: voter, payload: ConflictResponse.encode(member)
        ).encoded
    }

    private static let elections: [(forUs: Int, forOther: Int, isLost: Bool)] = [
        (0, 0, false), (1, 0, false), (0, 1, true), (1, 1, true), (2, 1, false), (1, 2, true), (3, 2, false),
    ]

    @Test(arguments: elections)
    func `whom most know by a name keeps it`(forUs: Int, forOther: Int, isLost: Bool) throws {
        var (gossip, poll) = try contested(voters: forUs + forOther)
        #expect(poll.name == "_serf_conflict" && poll.payload == Array("alpha".utf8))
        let elsewhere = MemberAddress(ipv4: 127, 0, 1, 9, port: 7946)
        for index in 0..<(forUs + forOther) {
            let claimed = index < forUs ? gossip.address : elsewhere
            _ = feed(serf: vote("voter-\(index)", for: claimed, on: poll), to: &gossip)
        }
        let end = gossip.handleTimeout(at: .seconds(60))
        let pings = try rivalPings(end, at: elsewhere, by: gossip)
        #expect(pings.count == (isLost ? 1 : 0))
        guard let ping = pings.first else { return }
        #expect(ping.node == "alpha")
        #expect(lost(feed(Ack(sequence: ping.sequence &+ 1).encoded, to: &gossip, at: .seconds(60))).isEmpty)
        #expect(lost(feed(Ack(sequence: ping.sequence).encoded, to: &gossip, at: .seconds(60))) == [elsewhere])
        #expect(lost(feed(Ack(sequence: ping.sequence).encoded, to: &gossip, at: .seconds(60))).isEmpty, "once")
    }

    @Test func `who is let in by its namesake alone loses the name; where others are, they decide`() throws {
        let elsewhere = MemberAddress(ipv4: 127, 0, 1, 9, port: 7946)
        let cases: [(known: [String], told: [(name: String, at: MemberAddress)], isLost: Bool)] = [
            ([], [("alpha", elsewhere)], true), ([], [("alpha", try alpha().address)], false),
            ([], [("other", elsewhere)], false), (["carol"], [("alpha", elsewhere)], false),
            ([], [("alpha", elsewhere), ("carol", MemberAddress(ipv4: 127, 0, 1, 10, port: 7946))], false),
        ]
        for (known, told, isLost) in cases {
            var gossip = try Gossip(
                GossipConfiguration(name: "alpha", address: try alpha().address), at: .zero,
                using: SplitMix64(seed: 1))
            for name in known { _ = feed(alive(name, 1), to: &gossip) }
            let opened = gossip.join([elsewhere], at: .zero)
            let request = try #require(
                opened.lazy.compactMap { if case .openStream(let request) = $0 { request } else { nil } }.first)
            let nodes = told.map { name, address in
                NodeState(
                    name: name, address: address.ip, port: address.port, incarnation: 1, state: 0, versions: .ours)
            }
            let answer = PushPull(isJoin: true, nodes: nodes, userState: [])
            let after = gossip.handleReply(
                .success(StreamMessage(content: .pushPull(answer))), to: request.id, at: .zero)
            #expect(lost(after) == (isLost ? [elsewhere] : []), "\(known), \(told)")
        }
    }

    private func rivalPings(_ directives: [Directive], at rival: MemberAddress, by gossip: Gossip) throws -> [Ping] {
        try sent(directives, by: gossip).compactMap { sent in
            if case .ping(let ping) = sent.message, sent.to == rival { ping } else { nil }
        }
    }

    private func lost(_ directives: [Directive]) -> [MemberAddress] {
        directives.compactMap { if case .nameLost(let address) = $0 { address } else { nil } }
    }

    @Test func `a rival that is not there, ourselves before our address changed, takes no name`() throws {
        var (gossip, poll) = try contested(voters: 2)
        let elsewhere = MemberAddress(ipv4: 127, 0, 1, 9, port: 7946)
        for index in 0..<2 { _ = feed(serf: vote("voter-\(index)", for: elsewhere, on: poll), to: &gossip) }
        let ping = try #require(try rivalPings(gossip.handleTimeout(at: .seconds(60)), at: elsewhere, by: gossip).first)
        let tooLate = Timestamp.seconds(61)
        #expect(lost(feed(Ack(sequence: ping.sequence).encoded, to: &gossip, at: tooLate)).isEmpty)
    }

    @Test func `strangers and double votes do not count in an election`() throws {
        var (gossip, poll) = try contested(voters: 2)
        let elsewhere = MemberAddress(ipv4: 127, 0, 1, 9, port: 7946)
        for voter in ["voter-0", "voter-1"] { _ = feed(serf: vote(voter, for: gossip.address, on: poll), to: &gossip) }
        for stranger in 0..<20 { _ = feed(serf: vote("s-\(stranger)", for: elsewhere, on: poll), to: &gossip) }
        for _ in 0..<20 { _ = feed(serf: vote("bravo", for: elsewhere, on: poll), to: &gossip) }
        for broken in [[], [6], [6, 0xC0], [8, 0x80]] as [[UInt8]] {
            let response = QueryResponseMessage(time: poll.time, id: poll.id, from: "bravo", payload: broken)
            _ = feed(serf: response.encoded, to: &gossip)
        }
        #expect(try rivalPings(gossip.handleTimeout(at: .seconds(60)), at: elsewhere, by: gossip).isEmpty)
    }

    // MARK: - Pings for others

    @Test func `a forwarded ping ends in an ack or a nack`() throws {
        let target = MemberAddress(ipv4: 127, 0, 1, 3, port: 7946)
        for isAnswered in [true, false] {
            var gossip = try alpha()
            let request = IndirectPing(
                sequence: 77, target: target.ip, port: target.port, node: "charlie", wantsNack: true)
            let forwarded = try sent(feed(request.encoded, to: &gossip), by: gossip)
            guard case .ping(let ping)? = forwarded.first?.message else { throw WireError.outOfRange }
            #expect(forwarded[0].to == target && ping.node == "charlie" && ping.sequence != 77)
            if isAnswered {
                let answer = try sent(feed(Ack(sequence: ping.sequence).encoded, to: &gossip), by: gossip)
                #expect(answer.map(\.message) == [.ack(Ack(sequence: 77))] && answer[0].to == Self.bravo)
            }
            let late = try sent(gossip.handleTimeout(at: .milliseconds(500)), by: gossip).map(\.message)
            #expect(late.contains(.nack(Nack(sequence: 77))) != isAnswered)
        }
    }

    // MARK: - Broadcasts

    @Test func `a message goes out as often as the formula says, the rarest first`() {
        var queue = BroadcastQueue(limit: 3)
        var room = 1_000
        func take() -> [[UInt8]] {
            room = 6
            return queue.take(room: &room, overheadBytes: 2, transmitLimit: 2, limitParts: 10)
        }
        queue.add([1], about: "a")
        queue.add([2, 2], about: "b")
        queue.add([3, 3], about: "c")
        #expect(take() == [[3, 3]], "the newest of the largest")
        #expect(take() == [[2, 2]])
        #expect(take() == [[1]])
        queue.add([9], about: "a")
        #expect(!queue.messages.contains([1]), "replaced")
        let isOverflowing = queue.add([4], about: "d").isOverflowing
        #expect(queue.count == 3 && isOverflowing)
        for subject in ["e", "f"] { queue.add([5], about: subject) }
        #expect(queue.count == 3)
        for _ in 0..<20 { _ = take() }
        #expect(queue.isEmpty)
    }

    @Test func `no packet is larger than agents expect`() throws {
        var gossip = try alpha(keys: [[UInt8](repeating: 1, count: 32)])
        for index in 0..<200 { _ = feed(alive("node-\(index)", 1), to: &gossip) }
        for step in 1...50 {
            for case .send(let datagram, _) in gossip.handleTimeout(at: .milliseconds(Int64(step) * 200)) {
                #expect(datagram.count <= Gossip.packetLimitBytes + 5)
            }
        }
    }

    private static let wrong: [(name: String, port: UInt16, keys: [[UInt8]], error: GossipError)] = [
        ("", 1, [], .invalidName("")), ("a b", 1, [], .invalidName("a b")),
        ("a", 0, [], .invalidAddress(MemberAddress(ipv4: 1, 2, 3, 4, port: 0))), ("a", 1, [[1]], .invalidKey),
    ]

    @Test(arguments: wrong)
    func `a wrong configuration is refused`(name: String, port: UInt16, keys: [[UInt8]], error: GossipError) {
        var configuration = GossipConfiguration(name: name, address: MemberAddress(ipv4: 1, 2, 3, 4, port: port))
        configuration.keys = keys
        #expect(throws: error) { try Gossip(configuration, at: .zero, using: SplitMix64(seed: 1)) }
    }
}
