import IgropyrHTTP
import TestSupport
import Testing

/// The first edition's manual: `(par "/foo" "/foo") => #t` and so on.
private let examples: [(pattern: String, path: String, matches: Bool)] = [
    ("/foo", "/foo", true), ("/foo", "/bar", false), ("/*", "/foo", true), ("/foo/*", "/foo/bar", true),
    ("/*/bar", "/foo/bar", true), ("/f*/bar", "/foo/bar", true), ("/f*/bar", "/boo/bar", false),
    ("/foo/b*", "/foo/bar", true), ("/foo/b*", "/foo/far", false),
]

@Test(arguments: examples) func `a path pattern does what the manual says of par`(
    pattern: String, path: String, matches: Bool
) throws {
    #expect(try PathPattern(pattern).matches(path) == matches)
}

private let others: [(pattern: String, path: String, matches: Bool)] = [
    ("/*", "/", false), ("/*", "/a/b", false), ("/foo", "/foo/", false), ("/foo", "/foobar", false),
    ("/foo", "", false), ("/", "", true), ("/f*o", "/foo", true), ("/f*o", "/fo", false), ("/foo", "/f%6Fo", true),
    ("/f*/bar", "/%66x/b%61r", true), ("/:a/b", "/x/b", true), ("/:a/b", "//b", false), ("/a/**", "/a", true),
    ("/a/**", "/a/b/c/", true), ("/a/**", "/ab", false), ("/**", "/a/../b", false), ("/**", "/%zz", false),
    ("/**", "/%00", false), ("/caf\u{e9}", "/caf%C3%A9", true), ("/a*", "/a%2Fb", true),
    ("/oo", "foo", false), ("/", "*", false),
]

@Test(arguments: others) func `a path pattern goes by segments, decoded`(
    pattern: String, path: String, matches: Bool
) throws {
    #expect(try PathPattern(pattern).matches(path) == matches)
}

@Test(arguments: 0..<8) func `a pattern alone and a router that has only it agree`(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    var matched = 0
    for _ in 0..<2000 {
        let text = "/" + pieces(of: ["/", "/", "a", "b", "*", ":", "**", "é"], using: &random)
        guard let pattern = try? PathPattern(text) else { continue }
        let path = "/" + pieces(of: ["/", "/", "a", "b", "%61", "%2F", ".", "%", "%C3%A9"], using: &random)
        var router = Router<Bool>()
        try router.add(.get, pattern, true)
        let bytes = path.bytes
        var isFound = false
        if case .found? = try? router.find(.get, path: 0..<bytes.count, in: bytes.span.bytes) { isFound = true }
        #expect(pattern.matches(path) == isFound, "seed \(seed): \(text) and \(path)")
        if isFound { matched += 1 }
    }
    #expect(matched > 50)
}

private func pieces(of choices: [String], using random: inout SplitMix) -> String {
    (0..<Int.random(in: 0...5, using: &random)).map { _ in choices.randomElement(using: &random) ?? "" }.joined()
}
