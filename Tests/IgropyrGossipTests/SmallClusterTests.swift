import IgropyrSimulation
import IgropyrTime
import Testing

@testable import IgropyrGossip

/// The rules of the detector for small clusters, on a node called alpha whose peers answer when the test says so.
@Suite struct SmallClusterTests {
    private static func address(_ index: Int) -> MemberAddress {
        MemberAddress(ipv4: 10, 0, 0, UInt8(index), port: 7946)
    }

    /// alpha, who knows `peers` others (p1, p2, …) and has had hundreds of pings answered.
    private func alpha(peers: Int, settings: GossipSettings = .fast, isTrained: Bool = true) throws -> Gossip {
        var configuration = GossipConfiguration(name: "alpha", address: Self.address(100))
        configuration.settings = settings
        var gossip = try Gossip(configuration, at: .zero, using: SplitMix64(seed: 1))
        for index in 1...peers { _ = feed(alive(index, 1), to: &gossip) }
        if isTrained { for _ in 0..<300 { gossip.lossBook.note(isAnswered: true, by: "p1") } }
        return gossip
    }

    private func alive(_ index: Int, _ incarnation: UInt32) -> [UInt8] {
        Alive(
            incarnation: incarnation, node: "p\(index)", address: Self.address(index).ip, port: 7946,
            meta: [0xFF, 0x80], versions: .ours
        ).encoded
    }

    @discardableResult
    private func feed(_ message: [UInt8], to gossip: inout Gossip, at now: Timestamp = .zero) -> [Directive] {
        gossip.handleDatagram(message, from: Self.address(1), at: now)
    }

    private func sent(_ directives: [Directive]) -> [(messages: [PacketMessage], to: MemberAddress)] {
        directives.compactMap { directive in
            guard case .send(let bytes, let target) = directive else { return nil }
            return (Packet.decode(bytes).messages, target)
        }
    }

    private func accuse(_ index: Int, as type: MessageType, from: String = "p2") -> [UInt8] {
        Accusation(incarnation: 1, node: "p\(index)", from: from).encoded(as: type)
    }

    /// What happened, as members see it: when who was told of a suspicion, and when somebody was declared failed.
    private struct Story {
        var pings: [Timestamp] = []
        var suspectedAt: Timestamp?
        var failedAt: Timestamp?
    }

    /// Runs on its own deadlines; p1 answers nothing, the others answer all.
    private func silence(of gossip: inout Gossip, for limit: Duration = .seconds(60)) -> Story {
        var story = Story()
        var now = Timestamp.zero
        let end = now.advanced(by: limit)
        while story.failedAt == nil, gossip.deadline <= end {
            now = max(now, gossip.deadline)
            let directives = gossip.handleTimeout(at: now)
            for case .member(let event) in directives where event.kind == .failed { story.failedAt = now }
            for (messages, target) in sent(directives) {
                for message in messages {
                    switch message {
                    case .ping where target == Self.address(1): story.pings.append(now)
                    case .ping(let ping): feed(Ack(sequence: ping.sequence).encoded, to: &gossip, at: now)
                    case .suspect(let accusation) where accusation.from == "alpha" && story.suspectedAt == nil:
                        story.suspectedAt = now
                    default: break
                    }
                }
            }
        }
        return story
    }

    // MARK: - The judgement

    private static let losses: [(lossPercent: Int, attempts: ClosedRange<Int>)] = [
        (0, 10...10), (5, 10...14), (10, 12...22), (36, 27...60), (75, 97...263),
    ]

    @Test(arguments: losses)
    func `the more pings a network loses, the more must stay unanswered`(lossPercent: Int, attempts: ClosedRange<Int>) {
        var book = LossBook()
        var random = SplitMix64(seed: 3)
        for _ in 0..<2_000 {
            book.note(isAnswered: Int.random(in: 0..<100, using: &random) >= lossPercent, by: "p1")
        }
        let likelihood = book.likelihood(ofSilenceBy: "p1", atLeast: 0.05)
        let needed = Int((12 / -Logarithm.decimal(likelihood)).rounded(.up))
        #expect(attempts.contains(needed), "\(needed) attempts")
    }

    @Test func `a network that turns bad is noticed within some pings`() {
        var book = LossBook()
        for _ in 0..<1_000 { book.note(isAnswered: true, by: "p1") }
        for index in 0..<16 { book.note(isAnswered: index % 2 == 0, by: "p2") }
        #expect(book.likelihood(ofSilenceBy: "p3", atLeast: 0.05) > 0.3, "for members that answered, too")
    }

    @Test func `before anybody has answered, silence means little`() {
        #expect(LossBook().likelihood(ofSilenceBy: "p1", atLeast: 0.05) > 0.4)
    }

    @Test(arguments: [1, 2, 4]) func `on a clean network silence of half a second is enough`(peers: Int) throws {
        var gossip = try alpha(peers: peers)
        let story = silence(of: &gossip)
        let first = try #require(story.pings.first)
        let suspected = try #require(story.suspectedAt)
        let failed = try #require(story.failedAt)
        #expect((.milliseconds(150)...(.milliseconds(300))).contains(first.duration(to: suspected)))
        #expect((.milliseconds(500)...(.milliseconds(700))).contains(first.duration(to: failed)))
        #expect((9...12).contains(story.pings.count))
    }

    @Test func `without experience it takes longer`() throws {
        var gossip = try alpha(peers: 1, isTrained: false)
        let story = silence(of: &gossip)
        #expect(try #require(story.pings.first).duration(to: try #require(story.failedAt)) > .seconds(1))
    }

    @Test func `any answer, however late, ends the doubt`() throws {
        var gossip = try alpha(peers: 2)
        feed(accuse(1, as: .suspect), to: &gossip)
        _ = gossip.handleTimeout(at: .zero)
        let sequence = try #require(gossip.verifications.first).sequence
        for step in 1...8 { _ = gossip.handleTimeout(at: .milliseconds(Int64(step) * 50)) }
        feed(Ack(sequence: sequence).encoded, to: &gossip, at: .milliseconds(450))
        while gossip.deadline < .milliseconds(800) { _ = gossip.handleTimeout(at: gossip.deadline) }
        let watched = try #require(gossip.verifications.first, "it is pinged on, until it denies")
        #expect(watched.hasAnswered && watched.attempts == 0)
        #expect(gossip.member(named: "p1")?.status == .alive)
        feed(alive(1, 2), to: &gossip, at: .milliseconds(801))
        #expect(!gossip.isVerifying("p1") && gossip.closestCall > 3)
    }

    @Test func `one that answered but did not deny is failed once it falls silent`() throws {
        var gossip = try alpha(peers: 1)
        feed(accuse(1, as: .suspect), to: &gossip)
        _ = gossip.handleTimeout(at: .zero)
        feed(Ack(sequence: try #require(gossip.verifications.first).sequence).encoded, to: &gossip)
        let failed = try #require(silence(of: &gossip).failedAt)
        #expect((.milliseconds(800)...(.milliseconds(1_200))).contains(Timestamp.zero.duration(to: failed)))
    }

    @Test func `who hears of a suspicion looks for himself, at once`() throws {
        var gossip = try alpha(peers: 4)
        let pings = sent(
            feed(accuse(1, as: .suspect), to: &gossip, at: .milliseconds(1))
                + gossip.handleTimeout(at: .milliseconds(1)))
        let toSuspect = pings.filter { $0.to == Self.address(1) }.flatMap(\.messages)
        let isPinged = toSuspect.contains { if case .ping = $0 { true } else { false } }
        let isTold = toSuspect.contains { if case .suspect = $0 { true } else { false } }
        #expect(isPinged && isTold)
    }

    // MARK: - Doubts

    @Test func `a death that an answer contradicts is a suspicion`() throws {
        for (sinceAnswer, status) in [(Int64(400), Member.Status.alive), (600, .failed)] {
            var gossip = try alpha(peers: 4)
            gossip.lossBook.noteHeard("p1", at: .seconds(9))
            feed(accuse(1, as: .dead), to: &gossip, at: .milliseconds(9_000 + sinceAnswer))
            #expect(gossip.member(named: "p1")?.status == status)
            #expect(gossip.isVerifying("p1") == (status == .alive))
        }
    }

    @Test func `a goodbye is believed, whatever was answered`() throws {
        var gossip = try alpha(peers: 4)
        gossip.lossBook.noteHeard("p1", at: .zero)
        feed(accuse(1, as: .dead, from: "p1"), to: &gossip)
        #expect(gossip.member(named: "p1")?.status == .failed, "without an intent to leave")
    }

    private static let delays: [(late: Int64, isDoubtful: Bool)] = [(0, false), (40, false), (60, true), (5_000, true)]

    @Test(arguments: delays) func `a late timeout voids what seemed silence`(late: Int64, isDoubtful: Bool) throws {
        var gossip = try alpha(peers: 2)
        feed(accuse(1, as: .suspect), to: &gossip)
        for _ in 0..<8 { _ = gossip.handleTimeout(at: gossip.deadline) }
        let attempts = try #require(gossip.verifications.first).attempts
        _ = gossip.handleTimeout(at: gossip.deadline.advanced(by: .milliseconds(late)))
        let left = try #require(gossip.verifications.first).attempts
        #expect(attempts > 0 && (left == 0) == isDoubtful)
        #expect(gossip.healthScore == (isDoubtful ? 1 : 0) && gossip.counters.lateTimeouts == (isDoubtful ? 1 : 0))
    }

    @Test func `memberlist's profiles know no such doubt`() throws {
        var gossip = try alpha(peers: 2, settings: .lan)
        feed(accuse(1, as: .suspect), to: &gossip)
        _ = gossip.handleTimeout(at: .seconds(30))
        #expect(gossip.member(named: "p1")?.status == .failed && gossip.verifications.isEmpty)
    }

    // MARK: - Denial

    @Test func `who is accused tells everybody at once`() throws {
        var gossip = try alpha(peers: 4)
        let directives = feed(
            Accusation(incarnation: 1, node: "alpha", from: "p3").encoded(as: .suspect), to: &gossip)
        let denials = sent(directives).filter { packet in
            packet.messages.contains { if case .alive(let alive) = $0 { alive.incarnation == 2 } else { false } }
        }
        #expect(Set(denials.map(\.to)) == Set((1...4).map(Self.address)))
    }

    @Test func `an accuser that we take for dead hears the denial, too`() throws {
        var gossip = try alpha(peers: 4)
        feed(accuse(3, as: .dead), to: &gossip)
        #expect(gossip.member(named: "p3")?.status == .failed)
        let directives = feed(
            Accusation(incarnation: 1, node: "alpha", from: "p3").encoded(as: .suspect), to: &gossip)
        #expect(sent(directives).contains { $0.to == Self.address(3) })
    }

    // MARK: - Size

    @Test func `beyond its size memberlist's rules hold`() throws {
        var settings = GossipSettings.fast
        settings.smallCluster?.memberLimit = 4
        for (peers, isSmall) in [(3, true), (4, false)] {
            var gossip = try alpha(peers: peers, settings: settings)
            feed(accuse(1, as: .suspect), to: &gossip)
            #expect(gossip.verifications.isEmpty != isSmall && gossip.suspicions.isEmpty == isSmall)
            #expect(gossip.probeInterval == (isSmall ? .milliseconds(300) : .seconds(1)))
        }
    }

    @Test func `the failed are pinged, and asked for their state when they answer`() throws {
        var gossip = try alpha(peers: 2)
        feed(accuse(1, as: .dead), to: &gossip)
        var sequence: UInt32?
        while sequence == nil, gossip.deadline < .seconds(3) {
            for (messages, target) in sent(gossip.handleTimeout(at: gossip.deadline)) where target == Self.address(1) {
                for case .ping(let ping) in messages { sequence = ping.sequence }
            }
        }
        let directives = feed(Ack(sequence: try #require(sequence)).encoded, to: &gossip, at: .seconds(3))
        let isAsked = directives.contains {
            if case .openStream(let request) = $0 { request.address == Self.address(1) } else { false }
        }
        #expect(isAsked)
    }
}
