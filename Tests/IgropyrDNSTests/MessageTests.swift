import TestSupport
import Testing

@testable import IgropyrDNS

@Suite struct MessageTests {
    private static let service = DNSName("_serf_shop._tcp.local")!
    private static let instance = DNSName("agent._serf_shop._tcp.local.")!

    @Test func `an agent's answer is read as it was meant`() throws {
        let message = try DNSMessage(Recorded.answer)
        #expect(message.isResponse && message.isAuthoritative && message.questions.isEmpty)
        let host = try #require(DNSName("vm"))
        #expect(
            message.answers == [
                DNSRecord(Self.service, timeToLive: 120, .pointer(Self.instance)),
                DNSRecord(
                    Self.instance, timeToLive: 120,
                    .service(.init(priority: 10, weight: 1, port: 7946, target: host))),
                DNSRecord(host, timeToLive: 120, .address([10, 99, 0, 3])),
                DNSRecord(Self.instance, timeToLive: 120, .text([Array("Serf 'shop' cluster".utf8)])),
            ])
    }

    @Test func `what is written is read again, and an agent's question is what we write`() throws {
        var message = try DNSMessage(Recorded.answer)
        message.questions = [.init(Self.service, type: DNSType.pointer, wantsUnicast: true)]
        message.answers[1].isUnique = true
        message.additional = [DNSRecord(Self.instance, timeToLive: 7, .address6([UInt8](0..<16)))]
        message.responseCode = 3
        message.isTruncated = true
        #expect(try DNSMessage(message.encoded) == message)

        var question = DNSMessage()
        question.id = 0x1DF3
        question.questions = [.init(Self.service, type: DNSType.pointer)]
        #expect(question.encoded == Recorded.question)
    }

    @Test func `names are alike whatever their case, and ends count by labels`() {
        #expect(DNSName("_SERF_shop._TCP.Local") == Self.service)
        #expect(Set([DNSName("A.b")!, DNSName("a.B")!]).count == 1)
        #expect(Self.instance.hasSuffix(Self.service) && !DNSName("x_tcp.local")!.hasSuffix(DNSName("_tcp.local")!))
        #expect(DNSName(labels: [Array("a.b".utf8), [0, 0xFF]])?.description == "a\\046b.\\000\\255")
        #expect(DNSName("a..b") == nil && DNSName(String(repeating: "a", count: 64)) == nil)
        #expect(DNSName(Array(repeating: "a", count: 128).joined(separator: ".")) == nil)
    }

    private static let head: [UInt8] = [0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    private static let longLabel: [UInt8] = [63] + [UInt8](repeating: 97, count: 63)
    private static let wrong: [(what: String, bytes: [UInt8], error: DNSError)] = [
        ("nothing", [], .truncated),
        ("half a head", Array(head.prefix(7)), .truncated),
        ("a record announced and not there", head, .truncated),
        ("a name that points at itself", head + [0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0], .malformedName),
        ("a name that points forward", head + [0xC0, 0x20] + [UInt8](repeating: 0, count: 40), .malformedName),
        (
            "two names that point at each other", head + [1, 97, 0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0],
            .malformedName
        ),
        ("half a pointer", head + [0xC0], .truncated),
        ("a label of a reserved kind", head + [0x41, 97, 0], .malformedName),
        ("a label longer than the message", head + [63, 97], .truncated),
        ("a name longer than 255 bytes", head + (0..<5).flatMap { _ in longLabel } + [0], .malformedName),
        ("an address of three bytes", head + [0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 3, 1, 2, 3], .malformedRecord),
        ("content longer than the message", head + [0, 0, 1, 0, 1, 0, 0, 0, 1, 0xFF, 0xFF, 1], .truncated),
        ("a text longer than its record", head + [0, 0, 16, 0, 1, 0, 0, 0, 1, 0, 2, 9, 97], .malformedRecord),
        ("a pointer longer than its record", head + [0, 0, 12, 0, 1, 0, 0, 0, 1, 0, 1, 1, 97, 0], .malformedRecord),
        ("more records than anybody sends", [0, 0, 0x84, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0], .tooMany),
    ]

    @Test(arguments: wrong) func `what is malformed is refused`(what: String, bytes: [UInt8], error: DNSError) {
        #expect(throws: error, "\(what)") { try DNSMessage(bytes) }
    }

    @Test(arguments: [(10, true), (40, false)])
    func `a chain of pointers is followed so far and no further`(length: Int, isRead: Bool) throws {
        // In the content of a first record; the second one's name is the end of the chain.
        var chain: [UInt8] = [1, 97, 0]
        for index in 0..<length { chain += [0xC0, UInt8(index == 0 ? 23 : 24 + 2 * index)] }
        let last = UInt8(24 + 2 * length)
        let bytes: [UInt8] =
            [0, 0, 0x84, 0, 0, 0, 0, 2, 0, 0, 0, 0]
            + [0, 0xFF, 0x01, 0, 1, 0, 0, 0, 1, 0, UInt8(chain.count)] + chain
            + [0xC0, last, 0xFF, 0x01, 0, 1, 0, 0, 0, 1, 0, 0]
        if isRead {
            #expect(try DNSMessage(bytes).answers.last?.name == DNSName("a"))
        } else {
            #expect(throws: DNSError.malformedName) { try DNSMessage(bytes) }
        }
    }

    @Test func `records of other classes and types do no harm`() throws {
        let other: [UInt8] = [0, 0, 1, 0, 3, 0, 0, 0, 1, 0, 2, 9, 9]
        let unknown: [UInt8] = [0, 0xFF, 0x01, 0, 1, 0, 0, 0, 1, 0, 3, 1, 2, 3]
        let message = try DNSMessage([0, 0, 0x84, 0, 0, 0, 0, 2, 0, 0, 0, 0] + other + unknown)
        #expect(message.answers.map(\.content) == [.other(type: 0xFF01)])
    }

    @Test func `damage of any kind ends in an error or in a message`() throws {
        var random = SplitMix(seed: 11)
        var read = 0
        for _ in 0..<20_000 {
            var bytes = Recorded.answer
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: .min ... .max, using: &random)
            }
            bytes.removeLast(
                Int.random(in: 0...3, using: &random) == 0 ? Int.random(in: 0..<bytes.count, using: &random) : 0)
            if let message = try? DNSMessage(bytes) {
                read += 1
                #expect(message.answers.allSatisfy { $0.name.labels.count <= 127 })
            }
        }
        #expect(read > 1_000 && read < 19_000)
    }

    // MARK: - SRV

    @Test func `targets are tried by priority, and by weight within`() throws {
        let target = try #require(DNSName("a"))
        let services: [DNSRecord.Service] = [(1, 0, 1), (0, 90, 2), (0, 10, 3), (2, 0, 4)].map {
            .init(priority: $0.0, weight: $0.1, port: $0.2, target: target)
        }
        var random = SplitMix(seed: 1)
        var firsts: [UInt16: Int] = [:]
        for _ in 0..<1_000 {
            let order = services.inOrderOfTrial(using: &random).map(\.port)
            #expect(Set(order.prefix(2)) == [2, 3] && order.suffix(2) == [1, 4])
            firsts[order[0], default: 0] += 1
        }
        #expect((850...950).contains(firsts[2] ?? 0), "\(firsts)")
        let none = try #require(DNSName(labels: []))
        let nobody = [DNSRecord.Service(priority: 0, weight: 0, port: 1, target: none)]
        #expect(nobody.inOrderOfTrial(using: &random).isEmpty)
    }
}
