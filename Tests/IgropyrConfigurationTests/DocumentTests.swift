import IgropyrConfiguration
import Testing

@Test(arguments: [
    ("cages: {a: Ann\nprices: [1]", "zoo.yaml:2:7: not YAML: did not find expected ',' or '}'"),
    ("a: 1\n\tb: 2", "zoo.yaml:2:1: not YAML: found a tab character that violates indentation"),
    ("prices: [1]\ngates: :80\nprices: [2]", "zoo.yaml:1:1: \"prices\" stands here and once more in the same mapping"),
    ("cages: {a: x, \"a\": y}", "zoo.yaml:1:9: \"a\" stands here and once more in the same mapping"),
    ("prices: [1]\n---\nprices: [2]", "zoo.yaml:2:1: not YAML: but found another document"),
    (
        "prices: !!python/object 1",
        "zoo.yaml:1:9: prices: tags such as tag:yaml.org,2002:python/object are not supported"
    ),
    ("cages: !x {}", "zoo.yaml:1:8: cages: tags such as !x are not supported"),
    ("prices: !!seq [1]", "zoo.yaml:1:9: prices: tags such as tag:yaml.org,2002:seq are not supported"),
    ("? [a]\n: 1", "zoo.yaml:1:3: a key is a text of at most 256 bytes"),
    ("cages:\n  <<: {a: x}", "zoo.yaml:2:3: cages: merge keys (<<) are not supported"),
    ("gates: \"\u{1}\"", "zoo.yaml:1:9: not YAML: control characters are not allowed"),
]) func `what is no plain tree of YAML is refused with its place`(text: String, problem: String) {
    let issues = Zoo.issues(text)
    #expect(issues.count == 1 && issues.first?.hasPrefix(problem) == true, "\(issues)")
}

@Test func `anchors and aliases are refused where they stand`() {
    #expect(
        Zoo.issues("cages: {a: &keeper Ann, b: *keeper}").map { $0.prefix(64) } == [
            "zoo.yaml:1:12: cages.a: anchors and aliases are not supported: w",
            "zoo.yaml:1:12: cages.b: anchors and aliases are not supported: w",
        ])
}

@Test func `a few lines that stand for gigabytes are refused at once`() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in 1..<40 {
        let alias = "*a\(level - 1)"
        text += "a\(level): &a\(level) [\(Array(repeating: alias, count: 9).joined(separator: ", "))]\n"
    }
    text += "? *a39\n: 1\n"
    #expect(
        Zoo.issues(text) == ["zoo.yaml: anchors (&name) and aliases (*name) are not supported: write the value out"])
}

@Test func `stars in texts are no aliases`() throws {
    let text = (0..<30).map { "# *note \($0): a*b, \"*.example.org\" /static/*" }.joined(separator: "\n")
    #expect(try Zoo.read(text + "\ncages: {a: \"*.example.org\"}").cages["a"]?.keeper == "*.example.org")
}

@Test func `nesting is bounded`() {
    let issues = Zoo.issues("prices: " + String(repeating: "[", count: 900) + String(repeating: "]", count: 900))
    #expect(issues.contains { $0.contains("nested deeper than 24 levels") }, "\(issues)")
    #expect(Zoo.issues(String(repeating: "[", count: 100_000)).first?.contains("nesting level") == true)
}

@Test func `size is bounded`() throws {
    let comment = "#" + String(repeating: "x", count: (1 << 20) - 1)
    #expect(try Zoo.read(comment) == Zoo())
    #expect(Zoo.issues(comment + "x") == ["zoo.yaml: 1048577 bytes are too many, at most 1048576 are read"])
}

@Test(arguments: [([0x61, 0xFF], 1), ([0x61, 0x3A, 0x20, 0xC3], 3), ([0xED, 0xA0, 0x80], 0)])
func `bytes that are no UTF-8 are refused, and it is said where`(bytes: [UInt8], offset: Int) {
    let error = #expect(throws: ConfigurationError.self) { try Schema.string.read(bytes, file: "f") }
    #expect(error?.description == "f: not UTF-8 from byte \(offset) on")
}

@Test func `a byte order mark is passed over`() throws {
    let zoo = try Zoo.read("\u{FEFF}prices: [1]\r\ncages: {a: {keeper: b}}\r\n")
    #expect(zoo.prices == [1] && zoo.cages["a"]?.keeper == "b")
}
