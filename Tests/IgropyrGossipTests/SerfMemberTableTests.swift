import IgropyrSimulation
import Testing

@testable import IgropyrGossip

@Suite struct SerfMemberTableTests {
    private func member(_ name: String, time: UInt64) -> SerfMember {
        let announcement = Announcement(
            name: name, address: MemberAddress(ipv4: 10, 0, 0, 1, port: 7946), meta: [], tags: [:], versions: .ours)
        return SerfMember(announcement, statusTime: time)
    }

    @Test func `members come in the order of their names, each once, whatever comes and goes`() {
        var random = SplitMix64(seed: 1)
        var table = SerfMemberTable()
        var expected: [String: UInt64] = [:]
        for step in 0..<2_000 as Range<UInt64> {
            let name = "m\(random.next() % 50)"
            let isToGo = random.next() % 3 == 0
            table[name] = isToGo ? nil : member(name, time: step)
            expected[name] = isToGo ? nil : step
            #expect(table[name]?.statusTime == expected[name])
        }
        #expect(table.count == expected.count && table.count > 20)
        #expect(table.all.map(\.name) == expected.keys.sorted())
        #expect(table.all.allSatisfy { $0.statusTime == expected[$0.name] })
        #expect(table["m"] == nil && table["z"] == nil)
    }
}
