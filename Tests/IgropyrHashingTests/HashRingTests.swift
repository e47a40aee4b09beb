import TestSupport
import Testing

@testable import IgropyrHashing

private func workers(hosts: Int, perHost: Int = 1, weight: UInt16 = 1) -> [HashRing.Member] {
    (0..<hosts).flatMap { host in
        (0..<perHost).map { HashRing.Member(id: "shop/h\(host)/\($0)", host: "h\(host)", weight: weight) }
    }
}

private func choices(of ring: HashRing, slot: Int) -> [String] {
    (0..<ring.depth).compactMap { ring.preference(slot: slot, rank: $0).map { ring.members[$0].id } }
}

private func owners(of ring: HashRing) -> [String] {
    (0..<HashRing.slotCount).compactMap { slot in ring.preference(slot: slot, rank: 0).map { ring.members[$0].id } }
}

@Test func `the order of discovery does not matter`() {
    var generator = SplitMix(seed: 7)
    let members = workers(hosts: 6, perHost: 2)
    let ring = HashRing(members)
    #expect((0..<3).allSatisfy { _ in HashRing(members.shuffled(using: &generator)) == ring })
}

@Test func `a member that leaves moves its own slots only, each to its second choice of old`() {
    let members = workers(hosts: 8)
    let before = HashRing(members, depth: 2)
    let after = HashRing(members.filter { $0.id != "shop/h3/0" }, depth: 2)
    for slot in 0..<HashRing.slotCount {
        let old = choices(of: before, slot: slot)
        let expected = old[0] == "shop/h3/0" ? old[1] : old[0]
        if choices(of: after, slot: slot)[0] != expected { Issue.record("slot \(slot) moved to a third member") }
    }
}

@Test func `a member that joins takes slots and moves none between others`() {
    let before = owners(of: HashRing(workers(hosts: 8)))
    let after = owners(of: HashRing(workers(hosts: 9)))
    let moved = zip(before, after).filter { $0 != $1 }
    #expect(moved.allSatisfy { $0.1 == "shop/h8/0" })
    #expect(moved.count == after.count { $0 == "shop/h8/0" })
    #expect((6500...8100).contains(moved.count), "a ninth is 7282 slots: \(moved.count)")
}

@Test func `a weight that grows takes slots and moves none between others`() {
    var members = workers(hosts: 5, weight: 10)
    let before = owners(of: HashRing(members))
    members[2].weight = 15
    let moved = zip(before, owners(of: HashRing(members))).filter { $0 != $1 }
    #expect(!moved.isEmpty && moved.allSatisfy { $0.1 == members[2].id })
}

@Test(arguments: [2, 5, 16, 100]) func `equal members get equal shares within five standard deviations`(count: Int) {
    let expected = Double(HashRing.slotCount) / Double(count)
    for share in HashRing(workers(hosts: count)).shares() {
        let deviation = Double(share) - expected
        #expect(deviation * deviation < 25 * expected, "\(share) instead of \(expected)")
    }
}

@Test func `shares are in proportion to weights`() {
    let weights: [UInt16] = [1, 2, 4, 8, 16, 1000, 65_535]
    let members = weights.enumerated().map { HashRing.Member(id: "m\($0)", host: "h\($0)", weight: $1) }
    let total = weights.reduce(0.0) { $0 + Double($1) }
    for (share, weight) in zip(HashRing(members).shares(), weights) {
        let expected = Double(HashRing.slotCount) * Double(weight) / total
        let deviation = Double(share) - expected
        #expect(deviation * deviation < 25 * (expected + 1), "\(share) instead of \(expected)")
    }
}

@Test func `a slot's choices are different members, and on different hosts while there are any`() {
    let ring = HashRing(workers(hosts: 2, perHost: 3), depth: 4)
    for slot in stride(from: 0, to: HashRing.slotCount, by: 97) {
        let positions = (0..<4).compactMap { ring.preference(slot: slot, rank: $0) }
        #expect(Set(positions).count == 4)
        #expect(Set(positions[..<2].map { ring.members[$0].host }).count == 2)
    }
}

@Test func `the choices are the best by score, host after host`() {
    let members = workers(hosts: 5, perHost: 2, weight: 3)
    let ring = HashRing(members)
    for slot in stride(from: 0, to: HashRing.slotCount, by: 1021) {
        let ranked = members.sorted { left, right in
            Rendezvous.cost(key: UInt64(slot), member: XXH64.hash(left.id), weight: left.weight)
                < Rendezvous.cost(key: UInt64(slot), member: XXH64.hash(right.id), weight: right.weight)
        }
        var hosts: Set<String> = []
        let expected = ranked.filter { hosts.insert($0.host).inserted }.prefix(3).map(\.id)
        #expect(choices(of: ring, slot: slot) == expected)
    }
}

@Test func `an empty ring has no choice, a ring of one has no other`() {
    let empty = HashRing([])
    #expect(empty.isEmpty && empty.shares().isEmpty && empty.preference(slot: 65_535, rank: 0) == nil)
    let single = HashRing(workers(hosts: 1))
    #expect(single.shares() == [65_536])
    #expect(single.preference(slot: 0, rank: 0) == 0)
    #expect(single.preference(slot: 0, rank: 1) == nil)
    #expect(single.preference(slot: 0, rank: -1) == nil)
}

@Test func `members without weight and repeated ids are left out`() {
    let ring = HashRing([
        .init(id: "a", host: "h2"), .init(id: "a", host: "h1"), .init(id: "b", host: "h1", weight: 0),
    ])
    #expect(ring.members == [.init(id: "a", host: "h1")])
}

@Test func `a key's slot is the upper 16 bits of its hash`() {
    let ring = HashRing([])
    #expect(ring.slot(forHash: 0) == 0)
    #expect(ring.slot(forHash: 0xFFFF_0000_0000_0000) == 65_535)
    #expect(ring.slot(forHash: XXH64.hash("abc")) == 0x44BC)
}

@Test func `of too many members those with the least ids are taken`() {
    let members = (0..<4100).map { HashRing.Member(id: "m\($0)", host: "h") }
    let admitted = Roster(members.reversed())
    #expect(admitted.members.map(\.id) == members.map(\.id).sorted().dropLast(4))
    #expect(admitted.surplus == 4)
}
