import IgropyrHTTP
import TestSupport
import Testing

/// What a parser makes of a body that arrives in pieces of `step` bytes.
private func read(
    _ body: [UInt8], step: Int, boundary: String = "b", limits: MultipartLimits = MultipartLimits()
) -> (text: String, error: MultipartError?) {
    var text = ""
    var buffer: [UInt8] = []
    var arrived = 0
    do throws(MultipartError) {
        var parser = try MultipartParser(boundary: boundary, limits: limits)
        while true {
            let consumed: Int
            switch try parser.next(in: buffer.span.bytes) {
            case .needMore:
                guard arrived < body.count else {
                    try parser.handleEndOfInput()
                    return (text, nil)
                }
                buffer += body[arrived..<min(arrived + step, body.count)]
                arrived = min(arrived + step, body.count)
                continue
            case .part(let fields, let count):
                text += "<"
                var iterator = FieldIterator(fields)
                while let field = iterator.next(in: buffer.span.bytes) {
                    let value = buffer.span.bytes.string(in: field.value)
                    text += "\(buffer.span.bytes.string(in: field.name))=\(value);"
                }
                text += ">"
                consumed = count
            case .data(let range, let count):
                text += buffer.span.bytes.string(in: range)
                consumed = count
            case .endOfPart(let count):
                text += "</>"
                consumed = count
            case .end:
                return (text + ".", nil)
            case .preamble(let count): consumed = count
            }
            buffer.removeFirst(consumed)
        }
    } catch {
        return (text, error)
    }
}

private let bodies: [(body: String, text: String, error: MultipartError?)] = [
    ("--b\r\nA: 1\r\n\r\nhello\r\n--b--", "<A=1;>hello</>.", nil),
    ("--b\r\nA: 1\r\n\r\nhello\r\n--b\r\n\r\n\r\n--b--\r\nepilogue", "<A=1;>hello</><></>.", nil),
    ("pre\r\n--b\r\n\r\nx\r\n--b--", "<>x</>.", nil),
    ("\r\n--b\r\n\r\nx\r\n--b--", "<>x</>.", nil),
    ("-\r\n--b\r\n\r\nx\r\n--b--", "<>x</>.", nil),
    ("--b \t\r\n\r\nx\r\n--b--", "<>x</>.", nil),
    ("--b\r\n\r\n\r\n-- b\r\r\n\n--b\r\n-\r\n--b--", "<>\r\n-- b\r\r\n\n--b\r\n-</>.", nil),
    ("--b\r\n\r\n\r\r\n--b--", "<>\r</>.", nil),
    ("--b--", ".", nil),
    ("--b\r\n\r\nx\r\n--bc\r\n\r\n\r\n--b--", "<>x</>", .invalidDelimiter),
    ("--bx", "", .invalidDelimiter),
    ("--b-x", "", .invalidDelimiter),
    ("--b\rx", "", .invalidDelimiter),
    ("--b\r\nno colon\r\n\r\n", "", .invalidField(.spaceBeforeColon)),
    ("--b\r\nA: 1\n\r\n", "", .invalidField(.bareLineFeed)),
    ("--b\r\n\r\nx", "<>x", .truncated),
    ("--b\r\n\r\nx\r\n--b", "<>x</>", .truncated),
    ("--b\r\nA: 1\r\n", "", .truncated),
    ("", "", .truncated),
    ("no delimiter", "", .truncated),
]

@Test(arguments: bodies) func `a multipart body is read the same however it is cut`(
    body: String, text: String, error: MultipartError?
) {
    for step in [max(1, body.utf8.count), 1, 2, 3, 7] {
        let outcome = read(body.bytes, step: step)
        #expect(outcome.text == text, "step \(step)")
        #expect(outcome.error == error, "step \(step)")
    }
}

private let beyond: [(body: String, error: MultipartError)] = [
    (String(repeating: "--b\r\n\r\n\r\n", count: 4), .tooManyParts),
    ("--b\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", .tooManyFields),
    ("--b\r\nA: \(String(repeating: "x", count: 100))\r\n\r\n", .headTooLong),
    ("--b\r\nA: \(String(repeating: "x", count: 100))", .headTooLong),
    (String(repeating: "p", count: 40) + "\r\n--b--", .preambleTooLong),
    ("--b" + String(repeating: " ", count: 100), .invalidDelimiter),
]

@Test(arguments: beyond) func `each limit of a multipart body has its error`(body: String, error: MultipartError) {
    var limits = MultipartLimits()
    (limits.parts, limits.headBytes, limits.fields, limits.preambleBytes) = (3, 60, 2, 30)
    for step in [max(1, body.utf8.count), 1, 7] { #expect(read(body.bytes, step: step, limits: limits).error == error) }
}

@Test(arguments: ["", " ", "a ", "\u{e4}", "a\"b", String(repeating: "a", count: 71)])
func `a boundary that RFC 2046 does not know is refused`(boundary: String) {
    #expect(throws: MultipartError.invalidBoundary) { try MultipartParser(boundary: boundary) }
}

@Test func `a boundary may be as long and as odd as RFC 2046 allows`() {
    let boundary = "'()+_,-./:=? " + String(repeating: "x", count: 57)
    #expect(read("--\(boundary)\r\n\r\nx\r\n--\(boundary)--".bytes, step: 1, boundary: boundary).text == "<>x</>.")
}

@Test(arguments: 0..<8) func `damaged multipart bodies end alike however they are cut`(seed: UInt64) {
    var generator = SplitMix(seed: seed)
    let pieces = ["\r\n", "\r", "\n", "--b", "--b--", "\r\n--b\r\n", "A: 1\r\n", "-", " ", "\0", "\r\n--b--", "x"]
    for round in 0..<500 {
        var body = "--b\r\nA: 1\r\n\r\nhello\r\n--b\r\nB: 2\r\n\r\nworld\r\n--b--".bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let place = Int.random(in: 0...body.count, using: &generator)
            if Bool.random(using: &generator) {
                body.insert(contentsOf: pieces.randomElement(using: &generator)!.bytes, at: place)
            } else {
                body.removeSubrange(place..<min(body.count, place + Int.random(in: 1...3, using: &generator)))
            }
        }
        let whole = read(body, step: max(1, body.count))
        for step in [1, Int.random(in: 2...20, using: &generator)] {
            let cut = read(body, step: step)
            #expect(cut.text == whole.text && cut.error == whole.error, "seed \(seed), round \(round), step \(step)")
        }
    }
}

private let fields: [(field: String, value: String?, name: String?, fileName: String?)] = [
    (#"form-data; name="a"; filename="b.txt""#, "form-data", "a", "b.txt"),
    ("Form-Data;name=a;filename=b", "form-data", "a", "b"),
    (#"form-data; NAME="a \"b\" \\ c:\d" ; filename="""#, "form-data", #"a "b" \ c:\d"#, ""),
    (#"form-data; name="a;b=c""#, "form-data", "a;b=c", nil),
    ("form-data;", "form-data", nil, nil),
    ("form-data", "form-data", nil, nil),
    (#"form-data; name="open"#, nil, nil, nil),
    (#"form-data; name="a"b"#, nil, nil, nil),
    ("form-data; name", nil, nil, nil),
    ("form-data; =a", nil, nil, nil),
    ("; name=a", nil, nil, nil),
    ("", nil, nil, nil),
    ("a" + String(repeating: ";b=c", count: 33), nil, nil, nil),
]

@Test(arguments: fields) func `a field's parameters are read`(
    field: String, value: String?, name: String?, fileName: String?
) {
    let parameters = FieldParameters(field)
    #expect(parameters?.value == value)
    #expect(parameters?["name"] == name)
    #expect(parameters?["filename"] == fileName)
}
