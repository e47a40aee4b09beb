import IgropyrConfiguration
import Testing

@Test func `a document is read into a value, and what is absent keeps its default`() throws {
    let zoo = try Zoo.read(
        """
        # A comment.
        cages:
          lions: {keeper: Ann, animals: 3, food: fish, visit: 2m, water: 64KiB, warmth: off}
          cats: Bob
          "apes":
            open: true
            warmth: -1.5
        gates: :80
        prices: [1, 1_0]
        """)
    #expect(
        zoo.cages["lions"]
            == Zoo.Cage(
                keeper: "Ann", animals: 3, food: .fish, visit: .seconds(120), water: 65_536, warmth: nil))
    #expect(zoo.cages["cats"] == Zoo.Cage(keeper: "Bob"))
    #expect(zoo.cages["apes"] == Zoo.Cage(isOpen: true, warmth: -1.5))
    #expect(zoo.gates == [NetworkAddress(host: "0.0.0.0", port: 80)])
    #expect(zoo.prices == [1, 10])
}

@Test(arguments: ["", "# nothing\n", "---\n", "{}"]) func `an empty document is an empty mapping`(text: String) throws {
    if text == "---\n" {
        #expect(Zoo.issues(text) == ["zoo.yaml:2:1: found nothing, expected a mapping"])
    } else {
        #expect(try Zoo.read(text) == Zoo())
    }
}

private let wrongValues: [(line: String, problem: String)] = [
    ("animals: 11", "found 11, expected a whole number from 1 to 10"),
    ("animals: 0x3", "found 0x3, expected a whole number from 1 to 10"),
    ("animals: \"3\"", "found \"3\", expected a whole number from 1 to 10"),
    ("animals: +3", "found +3, expected a whole number from 1 to 10"),
    ("animals: 99999999999999999999", "found 99999999999999999999, expected a whole number from 1 to 10"),
    ("animals:", "found nothing, expected a whole number from 1 to 10"),
    ("animals: [1]", "found a list, expected a whole number from 1 to 10"),
    ("open: yes", "found yes, expected true or false"),
    ("open: {}", "found an empty mapping, expected true or false"),
    ("food: meat", "found meat, expected one of hay, fish, seed"),
    ("visit: 5", "found 5, expected a duration from 1ms to 1h, such as 250ms, 2s, 5m or 1h"),
    ("visit: 2h", "found 2h, expected a duration from 1ms to 1h, such as 250ms, 2s, 5m or 1h"),
    ("visit: 0", "found 0, expected a duration from 1ms to 1h, such as 250ms, 2s, 5m or 1h"),
    ("visit: 1 s", "found 1 s, expected a duration from 1ms to 1h, such as 250ms, 2s, 5m or 1h"),
    ("visit: -1s", "found -1s, expected a duration from 1ms to 1h, such as 250ms, 2s, 5m or 1h"),
    ("water: 2GiB", "found 2GiB, expected a count of bytes from 0 to 1GiB, such as 512, 64KiB or 1MB"),
    (
        "water: 9999999999GiB",
        "found 9999999999GiB, expected a count of bytes from 0 to 1GiB, such as 512, 64KiB or 1MB"
    ),
    ("water: 1K", "found 1K, expected a count of bytes from 0 to 1GiB, such as 512, 64KiB or 1MB"),
    ("warmth: 1e9", "found 1e9, expected a number from -40.0 to 60.0"),
    ("warmth: nan", "found nan, expected a number from -40.0 to 60.0"),
    ("warmth: \"off\"", "found \"off\", expected a number from -40.0 to 60.0"),
    ("keeper:", "found nothing, expected a text"),
    ("keeper: [a]", "found a list, expected a text"),
]

@Test(arguments: wrongValues) func `a wrong value is named with its place, what was found and what was expected`(
    line: String, problem: String
) {
    let key = line.prefix { $0 != ":" }
    let column = line.count > key.count + 1 ? 7 + key.count : 6 + key.count
    #expect(
        Zoo.issues("cages:\n  a:\n    \(line)\n") == ["zoo.yaml:3:\(column): cages.a.\(key): \(problem)"])
}

@Test func `everything that is wrong is told at once, in the order of the file`() {
    let text = """
        gates: [10.0.0.1, "[::1]:80", a:0, "a b:1"]
        cages:
          lions: {animals: 0, foood: hay}
          elephants: Ann
        prices: [1, x]
        shop: 1
        """
    #expect(
        Zoo.issues(text) == [
            "zoo.yaml:1:9: gates[0]: found 10.0.0.1, expected an address with its port, such as 10.0.0.5:8080 or "
                + "[::1]:8080",
            "zoo.yaml:1:31: gates[2]: found a:0, expected an address with its port, such as 10.0.0.5:8080 or [::1]:8080",
            "zoo.yaml:1:36: gates[3]: found \"a b:1\", expected an address with its port, such as 10.0.0.5:8080 or "
                + "[::1]:8080",
            "zoo.yaml:3:20: cages.lions.animals: found 0, expected a whole number from 1 to 10",
            "zoo.yaml:3:23: cages.lions: unknown key \"foood\"; did you mean \"food\"?",
            "zoo.yaml:4:3: cages.elephants: found elephants, expected a text of 1 to 8 bytes",
            "zoo.yaml:5:13: prices[1]: found x, expected a whole number from 0 to 100",
            "zoo.yaml:6:1: unknown key \"shop\"; known here: cages, gates, prices",
        ])
}

@Test func `a check of the schema's own points at the value`() {
    #expect(
        Zoo.issues("cages: {a: {open: true, animals: 6}}")
            == ["zoo.yaml:1:34: cages.a.animals: found 6, too many to run away"])
}

@Test func `lists and mappings are held to their limits`() {
    #expect(Zoo.issues("prices: [1, 2, 3, 4, 5]") == ["zoo.yaml:1:9: prices: found 5 elements, expected 0 to 4"])
    #expect(Zoo.issues("gates: []") == ["zoo.yaml:1:8: gates: found 0 elements, expected 1 to 4"])
    #expect(Zoo.issues("cages: {a: x, b: x, c: x, d: x}") == ["zoo.yaml:1:8: cages: found 4 keys, expected at most 3"])
}

@Test func `of very many issues the first are named and the rest is counted`() {
    let lines = (0..<200).map { "key\($0): 1" }.joined(separator: "\n")
    let issues = Zoo.issues(lines)
    #expect(issues.count == 51)
    #expect(issues.first == "zoo.yaml:1:1: unknown key \"key0\"; known here: cages, gates, prices")
    #expect(issues.last == "zoo.yaml: and 150 more")
}

@Test func `what a file holds cannot write control characters into a terminal`() {
    #expect(
        Zoo.issues("\"a\\e[31m\\n\": 1")
            == ["zoo.yaml:1:1: unknown key \"a\\u{1B}[31m\\n\"; known here: cages, gates, prices"])
}

private let schemaOfOne = Schema<Int>.oneOf([
    "count": .integer(in: 0...9), "dozen": .integer(in: 0...9).map { $0 * 12 },
])

@Test func `one of several keys is asked for, and exactly one`() throws {
    #expect(try schemaOfOne.read(Array("dozen: 2".utf8), file: "f") == 24)
    for (text, problem) in [
        ("{}", "f:1:1: found an empty mapping, expected a mapping with just one of the keys count, dozen"),
        ("{count: 1, dozen: 2}", "f:1:1: found a mapping, expected a mapping with just one of the keys count, dozen"),
        ("dosen: 2", "f:1:1: dosen: unknown key \"dosen\"; did you mean \"dozen\"?"),
    ] {
        let error = #expect(throws: ConfigurationError.self) { try schemaOfOne.read(Array(text.utf8), file: "f") }
        #expect(error?.description == problem)
    }
}

@Test(arguments: [
    ("0", Duration.zero), ("250ms", .milliseconds(250)), ("90s", .seconds(90)), ("1h", .seconds(3600)),
    ("7d", .seconds(604_800)),
    ("15us", .microseconds(15)),
]) func `a duration is written as it is read`(text: String, duration: Duration) {
    #expect(Quantity.duration(text) == duration)
    #expect(Quantity.duration(Quantity.text(duration)) == duration)
}
