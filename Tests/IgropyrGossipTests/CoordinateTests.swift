import IgropyrSimulation
import IgropyrTime
import Testing

@testable import IgropyrGossip

/// Network coordinates: Vivaldi as Serf has it.
@Suite struct CoordinateTests {
    private static let fresh = NetworkCoordinate()

    /// What a host tells of itself after `roundTrip`, measured once each round by everybody to everybody.
    private func settled(_ roundTrips: [[Double]], rounds: Int) throws -> [CoordinateBook] {
        var random = RandomSource(SplitMix64(seed: 7))
        var books = roundTrips.map { _ in CoordinateBook() }
        var now = Timestamp.zero
        for round in 0..<rounds {
            for from in books.indices {
                for other in books.indices where from != other {
                    let sequence = UInt32(round)
                    books[from].didPing("n\(other)", sequence: sequence, at: now)
                    now = now.advanced(by: .seconds(roundTrips[from][other]))
                    let ack = Ack(sequence: sequence, payload: books[other].own.ackPayload)
                    try books[from].handleAck(ack, at: now, using: &random)
                }
            }
        }
        return books
    }

    @Test func `members learn how far they are from each other, and how sure they are`() throws {
        // A triangle: two hosts in one hall, a third one 40 ms away.
        let truth = [[0, 0.001, 0.04], [0.001, 0, 0.041], [0.04, 0.041, 0]]
        let books = try settled(truth, rounds: 300)
        for (from, other) in [(0, 1), (0, 2), (1, 2)] {
            let estimate = books[from].own.distance(to: books[other].own)
            #expect(abs(estimate - truth[from][other]) < 0.004, "\(from) to \(other): \(estimate)")
        }
        #expect(books.allSatisfy { $0.own.error < 0.5 })
        #expect(books[0].others.keys.sorted() == ["n1", "n2"])
    }

    @Test func `one late answer among many changes little`() throws {
        var random = RandomSource(SplitMix64(seed: 3))
        var book = try settled([[0, 0.01], [0.01, 0]], rounds: 100)[0]
        let other = try #require(book.others["n1"])
        let before = book.own
        book.didPing("n1", sequence: 9_999, at: .zero)
        try book.handleAck(Ack(sequence: 9_999, payload: other.ackPayload), at: .milliseconds(5_000), using: &random)
        #expect(abs(book.own.distance(to: before) - before.distance(to: before)) < 0.001)
    }

    @Test func `the payload is Serf's, byte for byte`() {
        let expected: [UInt8] =
            [1, 0x84, 0xAA] + Array("Adjustment".utf8) + [0xCB, 0, 0, 0, 0, 0, 0, 0, 0]
            + [0xA5] + Array("Error".utf8) + [0xCB, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0]
            + [0xA6] + Array("Height".utf8) + [0xCB, 0x3E, 0xE4, 0xF8, 0xB5, 0x88, 0xE3, 0x68, 0xF1]
            + [0xA3] + Array("Vec".utf8) + [0x98]
            + [[UInt8]](repeating: [0xCB] + [UInt8](repeating: 0, count: 8), count: 8).joined()
        #expect(Self.fresh.ackPayload == expected && Self.of(8) == expected)
    }

    private static func payload(_ change: (inout NetworkCoordinate) -> Void) -> [UInt8] {
        var coordinate = fresh
        change(&coordinate)
        return coordinate.ackPayload
    }

    /// In a space of so many dimensions, up to 15.
    private static func of(_ dimensions: UInt8) -> [UInt8] {
        let zero = [0xCB] + [UInt8](repeating: 0, count: 8)
        return payload { _ in }.dropLast(8 * zero.count + 1) + [0x90 | dimensions]
            + [[UInt8]](repeating: zero, count: Int(dimensions)).joined()
    }

    private static let hostile: [[UInt8]] = [
        payload { $0.vector[3] = .nan }, payload { $0.vector[0] = .infinity }, of(3), of(9),
        payload { $0.error = -.infinity },
        payload { $0.error = -1 }, payload { $0.height = -0.1 }, payload { $0.adjustment = .nan },
        payload { $0.vector[7] = 1e300 }, [1], [1, 0x81], Array(payload { _ in }.dropLast()),
    ]

    @Test(arguments: hostile) func `a coordinate that cannot be is refused, and moves nobody`(payload: [UInt8]) {
        var random = RandomSource(SplitMix64(seed: 1))
        var book = CoordinateBook()
        book.didPing("bravo", sequence: 1, at: .zero)
        #expect(throws: WireError.self) {
            try book.handleAck(Ack(sequence: 1, payload: payload), at: .milliseconds(1), using: &random)
        }
        #expect(book.own == Self.fresh && book.others.isEmpty)
    }

    @Test func `what is of another version, not ours, late or told by nobody is ignored`() throws {
        var random = RandomSource(SplitMix64(seed: 1))
        let cases: [(ack: Ack, at: Timestamp)] = [
            (Ack(sequence: 1, payload: [2, 0x80]), .milliseconds(1)), (Ack(sequence: 1, payload: []), .milliseconds(1)),
            (Ack(sequence: 1), .milliseconds(1)), (Ack(sequence: 2, payload: Self.fresh.ackPayload), .milliseconds(1)),
            (Ack(sequence: 1, payload: Self.fresh.ackPayload), .milliseconds(10_001)),
        ]
        for (ack, now) in cases {
            var book = CoordinateBook()
            book.didPing("bravo", sequence: 1, at: .zero)
            try book.handleAck(ack, at: now, using: &random)
            #expect(book.own == Self.fresh && book.others.isEmpty)
        }
    }

    @Test func `whoever lies as much as the bounds allow moves us no further than they allow`() throws {
        var random = RandomSource(SplitMix64(seed: 5))
        var book = CoordinateBook()
        for sequence in 1...2_000 as ClosedRange<UInt32> {
            var lie = Self.fresh
            lie.error = 0
            for index in lie.vector.indices { lie.vector[index] = Double.random(in: -60...60, using: &random) }
            book.didPing("liar", sequence: sequence, at: .zero)
            try book.handleAck(Ack(sequence: sequence, payload: lie.ackPayload), at: .milliseconds(1), using: &random)
            #expect(book.own.isPlausible)
        }
    }

    /// Members ping in step with each other: nobody may be the one whom the coordinate never comes to.
    @Test(arguments: 1...8 as ClosedRange<UInt64>) func `in a small cluster each soon knows all coordinates`(
        seed: UInt64
    ) throws {
        var scenario = Scenario(members: 4, settings: .fast)
        scenario.warmUp = .seconds(60)
        let cluster = try scenario.makeCluster(seed: seed)
        for host in cluster.hosts { #expect(host.gossip.knownCoordinates.count == 4, "\(host.gossip.name)") }
    }
}
