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

@Test func `a member draws each of the upper halves once, and independently of others`() {
    let hashes = workers(hosts: 40).map { XXH64.hash($0.id) }
    for (one, other) in zip(hashes, hashes.dropFirst()) {
        let draws = (0..<HashRing.slotCount).map { Rendezvous.permuted(UInt16($0), by: one) }
        #expect(Set(draws).count == HashRing.slotCount)
        var cells = [Double](repeating: 0, count: 256)
        for (slot, draw) in draws.enumerated() {
            cells[Int((draw >> 12) << 4 | Rendezvous.permuted(UInt16(slot), by: other) >> 12)] += 1
        }
        let chiSquared = cells.reduce(0) { $0 + ($1 - 256) * ($1 - 256) / 256 }
        #expect((130...330).contains(chiSquared), "225 degrees of freedom")
    }
}

@Test func `of ten equal members the busiest has a percent and a half more than the mean`() {
    let sets = 25
    let busiest = (0..<sets).reduce(0) { sum, set in
        let members = (0..<10).map { HashRing.Member(id: "app\(set)/h\($0)/0", host: "h\($0)") }
        return sum + (HashRing(members, depth: 1).shares().max() ?? .max)
    }
    let mean = Double(sets * HashRing.slotCount) / 10
    #expect(Double(busiest) < 1.015 * mean, "on the average of some sets; free draws give 1.019")
}

@Test(arguments: [2, 5, 16, 100]) func `shares of equals are within four deviations of free draws`(count: Int) {
    let expected = Double(HashRing.slotCount) / Double(count)
    for share in HashRing(workers(hosts: count)).shares() {
        let deviation = Double(share) - expected
        #expect(deviation * deviation < 16 * expected, "\(share) instead of \(expected)")
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
        func cost(_ member: HashRing.Member) -> Rendezvous.Cost {
            Rendezvous.cost(
                draw: Rendezvous.draw(slot: UInt16(slot), member: XXH64.hash(member.id)),
                inverseWeight: Rendezvous.inverse(of: member.weight))
        }
        let ranked = members.sorted { cost($0) < cost($1) }
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
}
