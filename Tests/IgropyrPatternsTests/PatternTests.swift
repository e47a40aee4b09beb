import IgropyrPatterns
import Testing

/// The verdicts are those of Go's regexp package, which agents ask.
@Suite struct PatternTests {
    private static let verdicts: [(expression: String, matching: [String], others: [String])] = [
        ("", ["", "a"], []), ("web", ["web", "a web b"], ["we", "Web"]), ("^web$", ["web"], ["web1", "aweb"]),
        ("^$", [""], ["a"]), (".*", ["", "a"], []), (".+", ["a", "é"], [""]),
        ("^a.c$", ["abc", "aéc"], ["ac", "a\nc"]),
        ("^w(e|i)b$", ["web", "wib"], ["wb", "weib"]), ("^(?:a|bc)+$", ["a", "bc", "abca"], ["", "b", "ab"]),
        ("^[a-c]+$", ["abc"], ["abd", ""]), ("^[^a-c]$", ["d"], ["a", "dd"]), ("^[]a]$", ["]", "a"], ["b"]),
        ("^[a-]$", ["a", "-"], ["b"]), (#"^\d{1,3}\.\d{2}$"#, ["1.23", "123.45"], ["1234.5", "1x23", "1.2"]),
        (#"^\w+-\S$"#, ["ab_1-x"], ["a-", "- x"]), ("^a{2}$", ["aa"], ["a", "aaa"]),
        ("^a{2,}$", ["aa", "aaaa"], ["a"]),
        ("^ab?c*?$", ["a", "ab", "acc", "abc"], ["abb"]), ("(?i)^WeB$", ["web", "WEB"], ["we"]),
        ("^(a|b|)$", ["a", "b", ""], ["c"]), ("a|^b$|c", ["xax", "b", "c"], ["xbx"]), (#"^\[\]\\$"#, [#"[]\"#], ["[]"]),
        ("^(a*)*$", ["", "aaa"], ["b"]), ("x*", ["", "y"], []),
    ]

    @Test(arguments: verdicts)
    func `an expression matches what it says`(expression: String, matching: [String], others: [String]) throws {
        let pattern = try #require(Pattern(expression))
        for text in matching { #expect(pattern.matches(text), "\(expression) and \(text)") }
        for text in others { #expect(!pattern.matches(text), "\(expression) and \(text)") }
    }

    private static let broken = [
        "(", ")", "a)", "[", "[a", "[b-a]", "*", "a**", "+a", "a{2,1}", "a{101}", "a{", "{", "\\", "\\q", "(?=a)",
        "(?P<n>a)",
        "^*", "[[:alpha:]]", "\\pL", "\\b", String(repeating: "(", count: 20) + String(repeating: ")", count: 20),
        String(repeating: "a", count: 257), "((a{100}){100}){100}", "(a{100}b?){7}c",
    ]

    @Test(arguments: broken) func `what is broken, or beyond us, is no pattern`(expression: String) {
        #expect(Pattern(expression) == nil)
    }

    @Test func `no expression takes long`() throws {
        let text = String(repeating: "a", count: 512)
        for expression in ["(a*)*b", "(a|a)*b", "(a|aa)+$b", "^(a?){100}a{100}b"] {
            let pattern = try #require(Pattern(expression))
            #expect(!pattern.matches(text))
        }
    }

    private static let groups: [(expression: String, text: String, group: String?)] = [
        ("^/users/([^/]+)", "/users/7/cart", "7"), ("^/users/([^/]+)", "/groups/7", nil),
        ("(a+)", "xaaay", "aaa"), ("(a+?)", "xaaay", "a"), ("(a|ab)(c|bcd)", "abcd", "a"),
        ("(ab|a)(c|bcd)", "abcd", "ab"),
        ("(a*)", "baa", ""), ("x(a)*y", "xaaay", "a"), ("x(a)*y", "xy", nil), ("(?:x|(y))z", "xz", nil),
        ("(?:a|b)(c)(d)", "bcd", "c"), ("((a)b)", "ab", "ab"), ("^(.*)-", "a-b-c", "a-b"), ("^(.*?)-", "a-b-c", "a"),
        ("(\\d+)$", "1a23", "23"), ("(?i)^Bearer ([a-z]+)", "BEARER Xy", "Xy"), ("no group", "no group", nil),
        ("(a|b)*c|(a|ab)*c", "abc", "b"), ("(a{2}){2}", "aaaaa", "aa"), ("()", "a", ""), ("(.+)", "é", "é"),
    ]

    @Test(arguments: groups)
    func `the first group of the match that comes first is found`(
        expression: String, text: String, group: String?
    ) throws {
        let pattern = try #require(Pattern(expression))
        let bytes = Array(text.utf8)
        let range = pattern.firstGroup(in: bytes.span)
        #expect(range.map { String(decoding: bytes[$0], as: UTF8.self) } == group)
        #expect(pattern.hasGroup == (expression != "no group"))
    }

    @Test func `a text beyond the limit has no group`() throws {
        let pattern = try #require(Pattern("(a)"))
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: Pattern.limitSubjectBytes)
        #expect(pattern.firstGroup(in: bytes.span) == 0..<1)
        #expect(pattern.firstGroup(in: (bytes + [0]).span) == nil)
    }
}
