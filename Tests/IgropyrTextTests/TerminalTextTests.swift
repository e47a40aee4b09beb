import IgropyrText
import Testing

private let escape = "\u{1B}"

private let prints: [(printed: String, shown: String)] = [
    ("plain, ünï → 𝕏\ttab\nend\n", "plain, ünï → 𝕏\ttab\nend\n"),
    (
        "\(escape)[1;31mred\(escape)[m and \(escape)[38:5:9mmore\(escape)[0m",
        "\(escape)[1;31mred\(escape)[m and \(escape)[38:5:9mmore\(escape)[0m"
    ),
    ("left on: \(escape)[8mhidden", "left on: \(escape)[8mhidden\(escape)[m"),
    ("reset\(escape)[m", "reset\(escape)[m"),
    ("\(escape)[2Jcleared", " [2Jcleared"), ("\(escape)]0;title\u{7}", " ]0;title "),
    ("\(escape)[?25lm", " [?25lm"), ("\(escape)[31", " [31"), ("\(escape)", " "),
    ("\(escape)\(escape)[4mx", " \(escape)[4mx\(escape)[m"),
    ("over\rwritten\u{8}\u{0}\u{7F}", "over written   "),
    ("\u{9B}2J \u{85}\u{90}", " 2J   "),
    ("\(escape)[\(String(repeating: "1", count: 65))m", " [\(String(repeating: "1", count: 65))m"),
]

@Test(arguments: prints) func `what a terminal would obey becomes a blank, however it is cut, and colours stay`(
    printed: String, shown: String
) {
    for step in [printed.utf8.count, 7, 1] {
        var (terminal, text, bytes) = (TerminalText(), "", Array(printed.utf8)[...])
        while !bytes.isEmpty {
            text += terminal.take(bytes.prefix(step))
            bytes = bytes.dropFirst(step)
        }
        text += terminal.finish()
        #expect(text == shown, "\(step) bytes at a time")
    }
    #expect(TerminalText.harmless(printed) == shown)
}

@Test func `a byte that is no UTF-8 does not reach a terminal, and what follows it is not held back`() {
    var terminal = TerminalText()
    #expect(terminal.take([0x9B, 0x32, 0x4A]) == "\u{FFFD}2J")
    #expect(terminal.take([0xE2, 0x61]) == "\u{FFFD}a")
    #expect(terminal.take([0xC2]).isEmpty)
    #expect(terminal.take([0x9B, 0x61]) == " a")
    #expect(terminal.take("waits: ".utf8) == "waits: ")
    #expect(terminal.finish().isEmpty)
}
