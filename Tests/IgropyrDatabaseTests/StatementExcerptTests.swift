import Testing

@testable import IgropyrDatabase

struct StatementExcerptTests {
    @Test func `an error tells of a statement what stands around the place, on one line and bounded`() {
        #expect("SELECT 1,\n\t2".excerpt() == "SELECT 1, 2")
        let long = String(repeating: "a", count: 1000) + "X" + String(repeating: "b", count: 1000)
        #expect(long.excerpt() == String(repeating: "a", count: 400) + "…")
        let around = long.excerpt(around: 1001)
        #expect(around.hasPrefix("…a") && around.hasSuffix("b…") && around.contains("aXb") && around.count == 402)
        #expect(long.excerpt(around: 9_999_999) == "…")
    }
}
