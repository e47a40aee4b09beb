import IgropyrTime
import TestSupport
import Testing

@testable import IgropyrDNS

/// Multicast DNS as Serf's agents use it, on a node called ours at 10.0.0.1.
@Suite struct DiscoveryTests {
    private static let service = DNSName("_serf_shop._tcp.local")!

    private func ours(
        _ seed: UInt64 = 1, at address: [UInt8] = [10, 0, 0, 1], kinds: [DNSAddressKind] = [.ipv4]
    ) throws -> ServiceDiscovery {
        var random = SplitMix(seed: seed)
        return try #require(
            ServiceDiscovery(
                cluster: "shop", instance: .init(name: "ours", address: address, port: 7946), kinds: kinds, at: .zero,
                using: &random))
    }

    private func feed(
        _ bytes: [UInt8], to discovery: inout ServiceDiscovery, isFromGroupPort: Bool = true,
        at now: Timestamp = .seconds(10)
    ) -> [ServiceDiscovery.Directive] {
        var random = SplitMix(seed: 2)
        return discovery.handle(bytes, isFromGroupPort: isFromGroupPort, at: now, using: &random)
    }

    /// What it sends to the group until then, with the times.
    private func run(
        _ discovery: inout ServiceDiscovery, until end: Timestamp
    ) throws -> [(at: Timestamp, message: DNSMessage)] {
        var sent: [(Timestamp, DNSMessage)] = []
        while discovery.deadline <= end {
            let now = discovery.deadline
            for case .multicast(let bytes) in discovery.handleTimeout(at: now) {
                sent.append((now, try DNSMessage(bytes)))
            }
        }
        return sent
    }

    @Test func `an agent's answer tells where it is, once in a while`() throws {
        var discovery = try ours()
        let found = ServiceDiscovery.Directive.found(address: [10, 99, 0, 3], port: 7946)
        #expect(feed(Recorded.answer, to: &discovery) == [found])
        #expect(feed(Recorded.answer, to: &discovery, at: .seconds(39)).isEmpty)
        #expect(feed(Recorded.answer, to: &discovery, at: .seconds(41)) == [found])
        #expect(feed(Recorded.answer, to: &discovery, isFromGroupPort: false, at: .seconds(90)).isEmpty)
    }

    @Test func `an agent's question is answered to it alone, as agents want it`() throws {
        var discovery = try ours()
        guard case .reply(let bytes)? = feed(Recorded.question, to: &discovery, isFromGroupPort: false).first else {
            throw DNSError.truncated
        }
        let reply = try DNSMessage(bytes)
        #expect(reply.id == 0x1DF3 && reply.isResponse && reply.questions.map(\.name) == [Self.service])
        let instance = try #require(DNSName("ours._serf_shop._tcp.local"))
        #expect(reply.answers.map(\.content) == [.pointer(instance)])
        // An agent takes an entry once its last record completes it: service, text, address.
        #expect(reply.additional.map(\.content.type) == [DNSType.service, DNSType.text, DNSType.address])
        #expect((reply.answers + reply.additional).allSatisfy { $0.timeToLive <= 10 && !$0.isUnique })
    }

    @Test func `two of ours find each other and do not answer themselves`() throws {
        var first = try ours()
        var random = SplitMix(seed: 3)
        var second = try #require(
            ServiceDiscovery(
                cluster: "shop", instance: .init(name: "theirs", address: [10, 0, 0, 2], port: 7950), kinds: [.ipv4],
                at: .zero, using: &random))
        let sent = try run(&first, until: .seconds(3))
        let questions = sent.filter { !$0.message.isResponse }
        let announcements = sent.filter { $0.message.isResponse }
        #expect(questions.count == 2 && announcements.count == 2)
        for (now, message) in sent { #expect(feed(message.encoded, to: &first, at: now).isEmpty, "our own echo") }
        #expect(
            feed(announcements[0].message.encoded, to: &second, at: .seconds(3)) == [
                .found(address: [10, 0, 0, 1], port: 7946)
            ])
        _ = try run(&second, until: .seconds(20))
        #expect(feed(questions[0].message.encoded, to: &second, at: .seconds(20)).isEmpty)
        let answers = try run(&second, until: .milliseconds(20_120))
        #expect(answers.count == 1 && answers[0].message.isResponse && answers[0].at >= .milliseconds(20_020))
        #expect(
            feed(answers[0].message.encoded, to: &first, at: .seconds(21)) == [
                .found(address: [10, 0, 0, 2], port: 7950)
            ])
        #expect(feed(try #require(second.goodbye), to: &first, at: .seconds(90)).isEmpty)
    }

    @Test func `who has nothing to offer asks, finds, and says nothing of itself`() throws {
        var random = SplitMix(seed: 4)
        var visitor = try #require(
            ServiceDiscovery(cluster: "shop", instance: nil, kinds: [.ipv4], at: .zero, using: &random))
        var member = try ours()
        let sent = try run(&visitor, until: .seconds(10))
        #expect(sent.count == 4 && sent.allSatisfy { !$0.message.isResponse && $0.message.answers.isEmpty })
        #expect(feed(sent[0].message.encoded, to: &visitor, at: .seconds(10)).isEmpty, "our own echo")
        #expect(feed(Recorded.question, to: &visitor, isFromGroupPort: false).isEmpty)
        _ = try run(&member, until: .seconds(9))
        #expect(feed(sent[3].message.encoded, to: &member, at: .seconds(10)).isEmpty)
        let answer = try #require(try run(&member, until: .seconds(11)).first { $0.message.isResponse })
        #expect(
            feed(answer.message.encoded, to: &visitor, at: .seconds(11)) == [
                .found(address: [10, 0, 0, 1], port: 7946)
            ])
        #expect(visitor.goodbye == nil)
    }

    // MARK: - IPv6

    private static let global: [UInt8] = [0xFD] + [UInt8](repeating: 0, count: 14) + [2]
    private static let linkLocal: [UInt8] = [0xFE, 0x80] + [UInt8](repeating: 0, count: 13) + [3]

    /// What a host called theirs says that has all of these addresses.
    private func answer(with addresses: [UInt8]..., port: UInt16 = 7946) -> [UInt8] {
        let (name, host) = (DNSName("theirs._serf_shop._tcp.local")!, DNSName("theirs.local")!)
        var message = DNSMessage()
        message.isResponse = true
        message.answers = [DNSRecord(Self.service, timeToLive: 120, .pointer(name))]
        message.additional = [
            DNSRecord(name, timeToLive: 120, .service(.init(priority: 10, weight: 1, port: port, target: host)))
        ]
        for address in addresses {
            let content: DNSRecord.Content = address.count == 4 ? .address(address) : .address6(address)
            message.additional.append(DNSRecord(host, timeToLive: 120, content))
        }
        return message.encoded
    }

    @Test(arguments: [global, linkLocal]) func `an IPv6 address is told as such, and found`(address: [UInt8]) throws {
        let kind = DNSAddressKind(address)
        var ours = try ours(at: address, kinds: [kind])
        let announcement = try #require(try run(&ours, until: .seconds(1)).first { $0.message.isResponse }).message
        #expect(announcement.additional.map(\.content).last == .address6(address))
        #expect(feed(announcement.encoded, to: &ours, at: .seconds(2)).isEmpty, "our own echo")
        let neighbour = Array(address.dropLast()) + [9]
        #expect(
            feed(answer(with: neighbour), to: &ours, at: .seconds(2)) == [.found(address: neighbour, port: 7946)])
    }

    @Test(arguments: [
        ([DNSAddressKind.ipv4], [10, 0, 0, 2] as [UInt8]?), ([.ipv6], global), ([.linkLocal], linkLocal),
        ([.ipv6, .ipv4], global), ([.ipv4, .ipv6], [10, 0, 0, 2]), ([], nil),
    ])
    func `of a host with many addresses the best is found, and once`(kinds: [DNSAddressKind], best: [UInt8]?) throws {
        var ours = try ours(kinds: kinds)
        let found = best.map { [ServiceDiscovery.Directive.found(address: $0, port: 7946)] } ?? []
        let all = answer(with: Self.linkLocal, [10, 0, 0, 2], Self.global)
        #expect(feed(all, to: &ours) == found)
        #expect(feed(all, to: &ours).isEmpty, "over the other family")
    }

    @Test func `a host that tells another address over each family is found once`() throws {
        var ours = try ours(kinds: [.ipv6, .ipv4])
        #expect(feed(answer(with: [10, 0, 0, 2]), to: &ours) == [.found(address: [10, 0, 0, 2], port: 7946)])
        #expect(feed(answer(with: Self.global), to: &ours).isEmpty)
        #expect(
            feed(answer(with: Self.global, port: 7950), to: &ours) == [.found(address: Self.global, port: 7950)],
            "another member, or moved")
        #expect(
            feed(answer(with: [10, 0, 0, 3]), to: &ours) == [.found(address: [10, 0, 0, 3], port: 7946)], "moved")
    }

    // MARK: - Limits

    @Test func `it asks ever more seldom, at least each minute`() throws {
        var discovery = try ours()
        let times = try run(&discovery, until: .seconds(400)).filter { !$0.message.isResponse }.map(\.at)
        let pauses = zip(times, times.dropFirst()).map { $0.duration(to: $1) / .seconds(1) }
        #expect(pauses.prefix(7) == [1, 2, 4, 8, 16, 32, 60] && pauses.dropFirst(6).allSatisfy { $0 == 60 })
        #expect(times[0] >= .milliseconds(20) && times[0] <= .milliseconds(120))
    }

    @Test func `the group is answered once a second at most`() throws {
        var discovery = try ours()
        _ = try run(&discovery, until: .seconds(9))
        var question = DNSMessage()
        question.questions = [.init(Self.service, type: DNSType.pointer)]
        var answers = 0
        for step in 0..<500 {
            let now = Timestamp.milliseconds(10_000 + Int64(step) * 10)
            _ = feed(question.encoded, to: &discovery, at: now)
            answers += try run(&discovery, until: now).count { $0.message.isResponse }
        }
        #expect((4...6).contains(answers), "\(answers) in five seconds")
    }

    @Test func `a flood of askers and of places is bounded and counted`() throws {
        var discovery = try ours()
        let replies = (0..<500).count { _ in
            !feed(Recorded.question, to: &discovery, isFromGroupPort: false).isEmpty
        }
        #expect(replies == 32 && discovery.overflows == 468)
        var found = 0
        for index in 0..<1_000 {
            var random = SplitMix(seed: UInt64(index))
            let liar = try #require(
                ServiceDiscovery(
                    cluster: "shop",
                    instance: .init(
                        name: "n\(index)", address: [10, 1, UInt8(index / 250), UInt8(index % 250)], port: 1),
                    kinds: [.ipv4], at: .zero, using: &random))
            var talking = liar
            for (_, message) in try run(&talking, until: .milliseconds(200)) {
                found += feed(message.encoded, to: &discovery, at: .seconds(11)).count
            }
        }
        #expect(found == 64 && discovery.overflows == 468 + 936)
    }

    @Test func `what is not ours, not a query or not readable is ignored`() throws {
        var discovery = try ours()
        var foreign = DNSMessage()
        foreign.questions = [.init(DNSName("_http._tcp.local")!, type: DNSType.pointer)]
        #expect(feed(foreign.encoded, to: &discovery, isFromGroupPort: false).isEmpty)
        var update = try DNSMessage(Recorded.question)
        update.operation = 5
        #expect(feed(update.encoded, to: &discovery, isFromGroupPort: false).isEmpty)
        var refusal = try DNSMessage(Recorded.answer)
        refusal.responseCode = 3
        #expect(feed(refusal.encoded, to: &discovery).isEmpty)
        #expect(feed([1, 2, 3], to: &discovery).isEmpty && discovery.malformed == 1)
    }

    @Test func `a name that is none is refused`() {
        for cluster in ["", "a.b", String(repeating: "x", count: 58)] {
            var random = SplitMix(seed: 1)
            let instance = ServiceDiscovery.Instance(name: "n", address: [1, 2, 3, 4], port: 1)
            let discovery = ServiceDiscovery(
                cluster: cluster, instance: instance, kinds: [.ipv4], at: .zero, using: &random)
            #expect(discovery == nil, "\(cluster)")
        }
    }
}
