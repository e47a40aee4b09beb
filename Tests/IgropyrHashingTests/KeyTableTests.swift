import TestSupport
import Testing

@testable import IgropyrHashing

private func workers(hosts: Int, perHost: Int = 1, weight: UInt16 = 1) -> [KeyTable.Member] {
    (0..<hosts).flatMap { host in
        (0..<perHost).map { KeyTable.Member(id: "shop/h\(host)/\($0)", host: "h\(host)", weight: weight) }
    }
}

/// Hashes of keys, the same each time.
private let keys: [UInt64] = {
    var generator = SplitMix(seed: 5)
    return [0, .max] + (0..<4000).map { _ in generator.next() }
}()

private func owners(_ table: KeyTable) -> [String] {
    keys.compactMap { key in table.position(forHash: key, rank: 0).map { table.members[$0].id } }
}

@Suite struct `A key table of any kind` {
    @Test(arguments: KeyTable.Kind.allCases) func `is the same whatever the order of discovery`(kind: KeyTable.Kind) {
        var generator = SplitMix(seed: 7)
        let members = workers(hosts: 4, perHost: 2)
        let table = KeyTable(kind: kind, members)
        #expect(KeyTable(kind: kind, members.shuffled(using: &generator)) == table)
        #expect(table.members == members && table.depth == 3)
    }

    @Test(arguments: KeyTable.Kind.allCases) func `lists different members, those on different hosts first`(
        kind: KeyTable.Kind
    ) {
        for (hosts, perHost, depth) in [(2, 3, 4), (5, 2, 3), (1, 3, 3), (2, 1, 8)] {
            let table = KeyTable(kind: kind, workers(hosts: hosts, perHost: perHost), depth: depth)
            #expect(table.depth == min(depth, hosts * perHost))
            for key in keys {
                let choices = (0..<depth).compactMap { table.position(forHash: key, rank: $0) }
                let distinct = Set(choices.prefix(hosts).map { table.members[$0].host }).count
                guard choices.count == table.depth, Set(choices).count == choices.count,
                    distinct == min(hosts, depth)
                else {
                    Issue.record("\(key): \(choices)")
                    break
                }
            }
        }
    }

    @Test(arguments: KeyTable.Kind.allCases) func `has nothing to say when empty, and one answer with one member`(
        kind: KeyTable.Kind
    ) {
        let empty = KeyTable(kind: kind, [])
        #expect(empty.members.isEmpty && empty.shares().isEmpty && empty.position(forHash: .max, rank: 0) == nil)
        let single = KeyTable(kind: kind, workers(hosts: 1, weight: 65_535))
        #expect(single.shares() == [1])
        for key in [0, 1, UInt64.max] {
            #expect(single.position(forHash: key, rank: 0) == 0)
            #expect(single.position(forHash: key, rank: 1) == nil)
            #expect(single.position(forHash: key, rank: -1) == nil)
        }
    }

    @Test(arguments: KeyTable.Kind.allCases) func `owns the shares that it tells`(kind: KeyTable.Kind) {
        let weights: [UInt16] = [1, 2, 4, 4, 9]
        let table = KeyTable(kind: kind, weights.enumerated().map { .init(id: "m\($0)", host: "h\($0)", weight: $1) })
        let shares = table.shares()
        #expect(abs(shares.reduce(0, +) - 1) < 1e-9)
        var owned = [Double](repeating: 0, count: weights.count)
        for key in keys { if let owner = table.position(forHash: key, rank: 0) { owned[owner] += 1 } }
        for (count, share) in zip(owned, shares) {
            let (expected, deviation) = (Double(keys.count) * share, count - Double(keys.count) * share)
            #expect(deviation * deviation < 25 * expected, "\(count) keys instead of \(expected)")
        }
    }

    /// Slots scatter by a percent, turns by a slot, points by eight percent.
    @Test(arguments: [(.rendezvous, 0.05), (.maglev, 0.001), (.ketama, 0.4)] as [(KeyTable.Kind, Double)])
    func `gives shares in proportion to weights`(kind: KeyTable.Kind, tolerance: Double) {
        let weights: [UInt16] = [500, 1000, 2000, 4000, 8000]
        let table = KeyTable(kind: kind, weights.enumerated().map { .init(id: "m\($0)", host: "h\($0)", weight: $1) })
        for (share, weight) in zip(table.shares(), weights) {
            let expected = Double(weight) / 15_500
            #expect(abs(share / expected - 1) < tolerance, "\(share) instead of \(expected)")
        }
    }

    @Test(arguments: [.rendezvous, .ketama] as [KeyTable.Kind])
    func `moves only the keys of a member that leaves, each to its second choice`(kind: KeyTable.Kind) {
        let before = KeyTable(kind: kind, workers(hosts: 8))
        let after = KeyTable(kind: kind, workers(hosts: 8).filter { $0.host != "h3" })
        for key in keys {
            let choices = (0..<2).compactMap { before.position(forHash: key, rank: $0).map { before.members[$0] } }
            let expected = choices[0].host == "h3" ? choices[1] : choices[0]
            let owner = after.position(forHash: key, rank: 0).map { after.members[$0] }
            if owner != expected { Issue.record("\(key) moved to a third member") }
        }
    }

    @Test func `moves few keys of others when a member of a maglev table leaves`() {
        let before = owners(KeyTable(kind: .maglev, workers(hosts: 10)))
        let after = owners(KeyTable(kind: .maglev, workers(hosts: 10).filter { $0.host != "h3" }))
        let moved = zip(before, after).count { $0 != $1 && $0 != "shop/h3/0" }
        #expect(moved < keys.count / 10, "\(moved) of \(keys.count)")
    }

    @Test(arguments: [.rendezvous, .ketama] as [KeyTable.Kind])
    func `moves keys only to the member whose weight grows up to that of others`(kind: KeyTable.Kind) {
        var members = workers(hosts: 6, weight: 100)
        members[2].weight = 1
        var before = owners(KeyTable(kind: kind, members))
        for weight: UInt16 in [10, 30, 100] {
            members[2].weight = weight
            let after = owners(KeyTable(kind: kind, members))
            let moved = zip(before, after).filter { $0 != $1 }
            #expect(!moved.isEmpty && moved.allSatisfy { $0.1 == "shop/h2/0" })
            before = after
        }
    }

    @Test(arguments: [(.rendezvous, 1.03), (.maglev, 1.001), (.ketama, 1.25)] as [(KeyTable.Kind, Double)])
    func `is even among ten equal workers`(kind: KeyTable.Kind, bar: Double) throws {
        let busiest = try #require(KeyTable(kind: kind, workers(hosts: 10)).shares().max())
        #expect(busiest * 10 <= bar)
    }
}

@Test func `a maglev table gives each member its turns`() {
    let shares = MaglevTable(Roster(workers(hosts: 7)), depth: 1).lists.ownedEntries(members: 7)
    #expect(shares.reduce(0, +) == 65_537 && Set(shares).isSubset(of: [9362, 9363]))
    let uneven = [KeyTable.Member(id: "a", host: "h1", weight: 1), .init(id: "b", host: "h2", weight: 65_535)]
    #expect(MaglevTable(Roster(uneven), depth: 2).lists.ownedEntries(members: 2) == [2, 65_535])
}

@Test func `a point belongs to the key at it, and the first point to those after the last`() throws {
    let members = workers(hosts: 3)
    let ring = KetamaRing(Roster(members), depth: 2)
    let points = members.enumerated()
        .flatMap { position, member in
            (0..<160).map { (Rendezvous.draw(key: $0, member: XXH64.hash(member.id)) >> 32, position) }
        }
        .sorted { $0 < $1 }
    for (index, (place, owner)) in points.enumerated() {
        #expect(ring.position(forHash: place << 32 | 0xFFFF_FFFF, rank: 0) == owner)
        let next = points[(index + 1) % points.count].1
        let following = place == 0xFFFF_FFFF ? 0 : place + 1
        #expect(ring.position(forHash: following << 32, rank: 0) == next)
    }
    #expect(ring.position(forHash: .max, rank: 0) == points[0].1)
}
