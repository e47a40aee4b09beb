import IgropyrText
import Testing

@Suite struct `A natural order` {
    private static let orders = [
        ["host-1", "host-2", "host-10", "host-11"],
        ["a", "a2", "a2b", "a10", "b1"],
        ["10.0.0.9:80", "10.0.0.9:443", "10.0.0.10:80"],
        ["web-007", "web-7", "web-8"],
        ["1", "x\(String(repeating: "9", count: 300))", "y"],
    ]

    @Test(arguments: orders) func `is that of the numbers in the names`(names: [String]) {
        for _ in 0..<10 { #expect(names.shuffled().sortedNaturally { [$0] } == names) }
    }

    @Test func `goes by the first name, then by the next`() {
        let pairs = [["a", "9"], ["a", "10"], ["a1"], ["a2", "1"]]
        #expect(pairs.reversed().sortedNaturally { $0 } == pairs)
    }
}
