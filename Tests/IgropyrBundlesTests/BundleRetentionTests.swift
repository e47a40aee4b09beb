import IgropyrBundles
import IgropyrOrchestration
import Testing

private func bundle(_ digit: Character) -> BundleDigest { BundleDigest(rawValue: String(repeating: digit, count: 64))! }
private let shop = ApplicationName(rawValue: "shop")!
private let old = UnixTime(milliseconds: 0)
private let now = UnixTime(milliseconds: 3_600_000)

@Suite struct `Which bundles stay` {
    @Test func `is what is needed, what came lately, and the last revisions`() {
        let all = "abcdef".map(bundle)
        var stored = Dictionary(uniqueKeysWithValues: all.map { ($0, old) })
        stored[bundle("f")] = now.advanced(byMilliseconds: -599_999)
        let retention = BundleRetention(
            needed: [bundle("a")], history: [shop: "bcde".map(bundle)], stored: stored)
        #expect(retention.unneeded(at: now) == [bundle("e")])
        #expect(retention.dispensable(at: now) == Set("bcde".map(bundle)))
        #expect(retention.unneeded(at: now.advanced(byMilliseconds: 1)) == Set("ef".map(bundle)))
    }

    @Test func `a time in the future is not new`() {
        let retention = BundleRetention(needed: [], stored: [bundle("a"): now.advanced(byMilliseconds: 1)])
        #expect(retention.unneeded(at: now) == [bundle("a")])
    }
}
