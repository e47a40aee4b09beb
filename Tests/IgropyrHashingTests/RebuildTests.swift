import TestSupport
import Testing

@testable import IgropyrHashing

/// Members that come, go, change their weight or move, several at once.
private struct Crowd {
    var members: [KeyTable.Member] = []
    let hosts: Int
    let weights: ClosedRange<UInt16>
    private var generator: SplitMix
    private var born = 0

    init(count: Int, hosts: Int, weights: ClosedRange<UInt16>, seed: UInt64) {
        self.hosts = hosts
        self.weights = weights
        generator = SplitMix(seed: seed)
        for _ in 0..<count { join() }
    }

    mutating func change() {
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let victim = members.indices.randomElement(using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: if let victim { members.remove(at: victim) }
            case 1: if let victim { members[victim].weight = .random(in: weights, using: &generator) }
            case 2: if let victim { members[victim].host = host() }
            default: join()
            }
        }
        members.shuffle(using: &generator)
    }

    private mutating func join() {
        members.append(.init(id: "m\(born)", host: host(), weight: .random(in: weights, using: &generator)))
        born += 1
    }

    private mutating func host() -> String { "h\(Int.random(in: 0..<hosts, using: &generator))" }
}

/// Members, hosts, weights, depth: also fewer hosts than choices, and fewer members than that.
private let crowds: [(count: Int, hosts: Int, weights: ClosedRange<UInt16>, depth: Int)] = [
    (0, 3, 1...1, 3), (2, 1, 1...9, 3), (3, 2, 1...1, 3), (3, 4, 1...9, 3), (4, 3, 5...6, 8), (12, 40, 1...1, 1),
    (12, 6, 1...65_535, 3), (12, 12, 0...2, 5),
]

@Test(arguments: crowds) func `a ring from an older one is the same as one from nothing`(
    count: Int, hosts: Int, weights: ClosedRange<UInt16>, depth: Int
) {
    for seed in UInt64(1)...4 {
        var crowd = Crowd(count: count, hosts: hosts, weights: weights, seed: seed)
        var ring = HashRing(crowd.members, depth: depth, reusing: nil, slots: 256)
        for step in 1...8 {
            crowd.change()
            ring = HashRing(crowd.members, depth: depth, reusing: ring, slots: 256)
            let expected = HashRing(crowd.members, depth: depth, reusing: nil, slots: 256)
            #expect(ring == expected, "seed \(seed), step \(step)")
            #expect(ring.checksum == expected.checksum)
        }
    }
}

@Test func `a whole ring after a leave, a join and a raise is the same as one from nothing`() {
    var members = (0..<24).map { KeyTable.Member(id: "m\($0)", host: "h\($0 / 2)", weight: 10) }
    let before = HashRing(members)
    members[3].weight = 15
    members[7] = KeyTable.Member(id: "m24", host: "h1", weight: 10)
    #expect(HashRing(members, reusing: before) == HashRing(members))
}

@Test func `a ring of another depth is of no use and does no harm`() {
    let members = (0..<5).map { KeyTable.Member(id: "m\($0)", host: "h\($0)") }
    let shallow = HashRing(members, depth: 2)
    #expect(HashRing(members, depth: 4, reusing: shallow) == HashRing(members, depth: 4))
    #expect(HashRing(Array(members.dropLast()), depth: 1, reusing: shallow) == HashRing(members.dropLast(), depth: 1))
}

@Test(arguments: KeyTable.Kind.allCases) func `a table does not depend on the older one, whatever its kind`(
    kind: KeyTable.Kind
) {
    var crowd = Crowd(count: 4, hosts: 3, weights: 1...50, seed: 9)
    let older = KeyTable.Kind.allCases.map { KeyTable(kind: $0, crowd.members) }
    crowd.change()
    let expected = KeyTable(kind: kind, crowd.members)
    #expect(older.allSatisfy { KeyTable(kind: kind, crowd.members, reusing: $0) == expected })
}

@Test func `a weight raised step by step takes slots from others and moves none between them`() {
    var generator = SplitMix(seed: 11)
    for _ in 0..<8 {
        var members = (0..<8).map { index in
            KeyTable.Member(
                id: "m\(index)", host: "h\(index)", weight: UInt16(1) << UInt16.random(in: 0...15, using: &generator))
        }
        let riser = Int.random(in: members.indices, using: &generator)
        let weights = (0..<6).map { _ in UInt16.random(in: 2..<65_535, using: &generator) }
        members[riser].weight = 1
        var ring = HashRing(members, depth: 2, reusing: nil, slots: 4096)
        for weight in weights.sorted() + [65_534, 65_535] {
            members[riser].weight = weight
            let raised = HashRing(members, depth: 2, reusing: nil, slots: 4096)
            let position = raised.members.firstIndex { $0.id == members[riser].id } ?? 0
            let isMinimal = (0..<4096).allSatisfy { slot in
                let owner = raised.preference(slot: slot, rank: 0)
                return owner == position || owner == ring.preference(slot: slot, rank: 0)
            }
            #expect(isMinimal, "\(members[riser].id) to \(weight)")
            #expect(raised.shares()[position] >= ring.shares()[position])
            ring = raised
        }
    }
}
