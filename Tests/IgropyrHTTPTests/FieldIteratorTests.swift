import IgropyrHTTP
import Testing

@Suite struct FieldIteratorTests {
    private static let runs: [(lines: String, dropped: Set<String>, runs: [String])] = [
        ("", [], []),
        ("A: 1\r\nB: 2\r\n", [], ["A: 1\r\nB: 2\r\n"]),
        ("A: 1\r\nB: 2\r\n", ["A"], ["B: 2\r\n"]),
        ("A: 1\r\nB: 2\r\n", ["B"], ["A: 1\r\n"]),
        ("A: 1\r\nB: 2\r\n", ["A", "B"], []),
        ("A: 1\r\nB:2\r\nC: \r\nD:\t4 \r\n", ["C"], ["A: 1\r\nB:2\r\n", "D:\t4 \r\n"]),
        ("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n", ["B", "C"], ["A: 1\r\n", "D: 4\r\nE: 5\r\n"]),
    ]

    @Test(arguments: runs) func `lines that stay go in one piece, and each field is asked about once`(
        lines: String, dropped: Set<String>, runs: [String]
    ) {
        let text = lines.utf8.span
        let bytes = text.bytes
        var fields = FieldIterator(0..<bytes.byteCount)
        var asked: [String] = []
        var pieces: [String] = []
        while let piece = fields.nextLines(
            in: bytes,
            keeping: { name, _ in
                asked.append(bytes.string(in: name))
                return !dropped.contains(asked.last!)
            })
        {
            pieces.append(bytes.string(in: piece))
        }
        #expect(pieces == runs)
        #expect(asked == lines.split(separator: "\r\n").map { String($0.prefix(1)) })
    }

    private static let names: [(field: String, text: String, isMatch: Bool)] = [
        ("Content-Length", "content-length", true), ("content-length", "Content-Length", true),
        ("Content-Lengtf", "content-length", false), ("Content", "content-length", false), ("", "", true),
        ("@", "`", false), ("X-A-Name-Longer-Than-A-Word", "x-a-name-longer-than-a-word", true),
        ("X-A-Name-Longer-Than-A-Ward", "x-a-name-longer-than-a-word", false),
        ("Keep-Aliv@", "keep-aliv`", false), ("[ame-Of-8", "{ame-of-8", false), ("Name-of\r9", "name-of-9", false),
        ("Name-Of-É", "name-of-é", false),
    ]

    @Test(arguments: names) func `names are one whatever the case of their letters`(
        field: String, text: String, isMatch: Bool
    ) {
        let field = field.utf8.span
        #expect(field.bytes.matches(text, in: 0..<field.count) == isMatch)
    }
}
