import IgropyrHTTP
import Testing

@Test(
    arguments: [
        ("abc", "abc"), ("a%20b", "a b"), ("%C3%A9", "\u{e9}"), ("a+b", "a+b"), ("%2f%2F", "//"), ("", ""),
        ("%25", "%"),
        ("%", nil), ("%1", nil), ("a%2", nil), ("%zz", nil), ("%+1", nil), ("%00", nil), ("%FF", nil), ("%C3", nil),
    ] as [(String, String?)])
func `escapes are read strictly`(text: String, decoded: String?) {
    let bytes = text.bytes
    #expect((try? PercentEncoding.decodeString(0..<bytes.count, in: bytes.span.bytes)) == decoded)
}

@Test func `what is escaped reads back`() throws {
    let text = "a/b ?&=#%\u{e9}~._-Z9"
    let bytes = PercentEncoding.encode(text).bytes
    #expect(try PercentEncoding.decodeString(0..<bytes.count, in: bytes.span.bytes) == text)
    #expect(bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F })
}

@Test(
    arguments: [
        ("/a?b=c#d", "/a?b=c#d"), ("https://a/%20[]!$&'()*+,;=@", "https://a/%20[]!$&'()*+,;=@"), ("", ""),
        ("/gr\u{fc}\u{df}e x", "/gr%C3%BC%C3%9Fe%20x"), ("/a\r\nB: c", "/a%0D%0AB:%20c"),
        ("/\"<>\\^`{|}\0\u{7f}", "/%22%3C%3E%5C%5E%60%7B%7C%7D%00%7F"),
    ] as [(String, String)])
func `of a reference is escaped what cannot stand in it`(text: String, encoded: String) {
    #expect(PercentEncoding.encodeReference(text) == encoded)
}

@Test(
    arguments: [
        ("/", [""]), ("", [""]), ("/a", ["a"]), ("/a/", ["a", ""]), ("//a//b", ["", "a", "", "b"]),
        ("/a%2Fb/c", ["a/b", "c"]), ("/...", ["..."]), ("/.a", [".a"]), ("/a..", ["a.."]), ("/%2e%2e%2e", ["..."]),
    ] as [(String, [String])])
func `a path has segments as they stand`(path: String, segments: [String]) throws {
    let bytes = path.bytes
    #expect(try PathSegments.decode(0..<bytes.count, in: bytes.span.bytes) == segments)
}

@Test(arguments: ["/.", "/..", "/a/../b", "/a/./b", "/%2e", "/%2E.", "/.%2e/", "/a/%2e%2E"])
func `dot segments are refused, escaped or not`(path: String) {
    let bytes = path.bytes
    #expect(throws: HTTPError.dotSegment) { try PathSegments.validate(0..<bytes.count, in: bytes.span.bytes) }
}

@Test(
    arguments: [
        ("a", true), ("a/b.c/d", true), ("a/", true), ("", true), ("a..", true), ("a~+*", true), ("/", false),
        ("/a", false), ("a//b", false), ("a//", false), (".a", false), ("a/.b", false), ("a%20b", false),
        ("a\\b", false),
    ] as [(String, Bool)])
func `a path is plain if it stands for itself`(path: String, isPlain: Bool) {
    #expect(PathSegments.isPlain(path.bytes.span.bytes) == isPlain)
}

@Test func `a query is read as a form`() throws {
    let bytes = "a=1&b=x+y%2B&&c&=d&a=2&e==".bytes
    let pairs = try QueryPair.parse(0..<bytes.count, in: bytes.span.bytes)
    #expect(pairs.map(\.name) == ["a", "b", "c", "", "a", "e"])
    #expect(pairs.map(\.value) == ["1", "x y+", "", "d", "2", "="])
}

@Test func `a query is bounded and strict`() {
    let many = Array(repeating: "a", count: 1001).joined(separator: "&").bytes
    #expect(throws: HTTPError.queryTooLong) { try QueryPair.parse(0..<many.count, in: many.span.bytes) }
    let bad = "a=%0".bytes
    #expect(throws: HTTPError.invalidPercentEncoding) { try QueryPair.parse(0..<bad.count, in: bad.span.bytes) }
}
