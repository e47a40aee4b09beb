import IgropyrHTTP
import Testing

private let get = "GET / HTTP/1.1\r\nHost: a\r\n"

/// Each row is one rule: the wire, and the error that it ends in, or nil.
private let heads: [(wire: String, error: HTTPError?)] = [
    (get + "\r\n", nil),
    ("\r\n" + get + "\r\n", nil),
    ("\r\n\r\n" + get + "\r\n", .unexpectedEmptyLine),
    ("\n" + get + "\r\n", .bareLineFeed),
    ("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareCarriageReturn),

    // Request line.
    (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .invalidMethod),
    ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .invalidMethod),
    ("GET\r\n\r\n", .invalidMethod),
    ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .invalidMethod),
    ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", nil),
    (String(repeating: "A", count: 32) + " / HTTP/1.1\r\nHost: a\r\n\r\n", nil),
    (String(repeating: "A", count: 33) + " / HTTP/1.1\r\nHost: a\r\n\r\n", .methodTooLong),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .invalidRequestLine),
    ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .invalidRequestLine),
    ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .invalidRequestLine),
    ("GET /\r\n", .invalidRequestLine),
    ("GET / \r\nHost: a\r\n\r\n", .invalidVersion),
    ("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineFeed),
    ("GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCarriageReturn),
    ("GET /\n", .invalidTarget),
    ("GET /x\nHost: a\r\nContent-Length: 5\r\n\r\nhello", .invalidTarget),  // llhttp's issue 877.

    // Target.
    ("GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("GET /a\u{0}b HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("GET /12345678901234567890\u{7F} HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", nil),
    ("OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("GET http://b:80/x HTTP/1.1\r\nHost: a\r\n\r\n", nil),
    ("GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n", nil),
    ("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", nil),
    ("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("GET http://u@b/ HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("GET http:/b HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("GET b:80 HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("CONNECT b:80 HTTP/1.1\r\nHost: a\r\n\r\n", nil),
    ("CONNECT b HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("CONNECT b: HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("CONNECT b:99999 HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ("CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),

    // Version.
    ("GET / HTTP/1.0\r\n\r\n", nil),
    ("GET / HTTP/1.2\r\n\r\n", .unsupportedVersion),
    ("GET / HTTP/2.0\r\n\r\n", .unsupportedVersion),
    ("GET / HTTP/0.9\r\n\r\n", .unsupportedVersion),
    ("GET / HTTP/2\r\n\r\n", .invalidVersion),
    ("GET / HTTP/1.10\r\n\r\n", .invalidRequestLine),
    ("GET / http/1.1\r\n\r\n", .invalidVersion),
    ("GET / HTTPS/1.1\r\n\r\n", .invalidVersion),
    ("GET / HTTP/+1.1\r\n\r\n", .invalidVersion),
    ("GET / ICE/1.0\r\n\r\n", .invalidVersion),

    // Field lines.
    (get + "X: \r\n\r\n", nil),
    (get + "X:\t a b\t \r\n\r\n", nil),
    (get + "X: caf\u{e9}\r\n\r\n", nil),
    (get + "X: a\r\n b\r\n\r\n", .lineFolding),
    ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .lineFolding),
    ("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", .lineFolding),
    (get + "X : a\r\n\r\n", .spaceBeforeColon),
    (get + "X\t: a\r\n\r\n", .spaceBeforeColon),
    (get + ": a\r\n\r\n", .invalidFieldName),
    (get + "X\r\n\r\n", .invalidFieldName),
    (get + "X\n\r\n", .bareLineFeed),
    (get + "X(: a\r\n\r\n", .invalidFieldName),
    (get + "X\u{e9}: a\r\n\r\n", .invalidFieldName),
    (get + "X\u{0}: a\r\n\r\n", .invalidFieldName),
    (get + "X: a\u{0}b\r\n\r\n", .controlCharacter),
    (get + "X: 12345678\u{1}\r\n\r\n", .controlCharacter),
    (get + "X: 12345678123456\u{7F}\r\n\r\n", .controlCharacter),
    (get + "X: a\u{B}\r\n\r\n", .controlCharacter),
    (get + "X: a\rb\r\n\r\n", .bareCarriageReturn),
    (get + "X: a\nY: b\r\n\r\n", .bareLineFeed),
    (get + "X: a\r\r\n\r\n", .bareCarriageReturn),
    (get + "\n", .bareLineFeed),
    (get + "\rX: a\r\n\r\n", .bareCarriageReturn),

    // Host.
    ("GET / HTTP/1.1\r\n\r\n", .missingHost),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .invalidHost),
    (get + "host: a\r\n\r\n", .duplicateHost),
    ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", .duplicateHost),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .invalidHost),
    ("GET / HTTP/1.1\r\nHost: a,b:1/\r\n\r\n", .invalidHost),
    ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .invalidHost),
    ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", .invalidHost),
    ("GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", .invalidHost),
    ("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", .invalidHost),
    ("GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", .invalidHost),
    ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .invalidHost),
    ("GET / HTTP/1.1\r\nHost: []\r\n\r\n", .invalidHost),
    ("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", .invalidHost),
    ("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", nil),
    ("GET / HTTP/1.1\r\nHost: a.b_c-d%41:\r\n\r\n", nil),

    // Connection and Expect.
    (get + "Connection: a b\r\n\r\n", .invalidConnection),
    (get + "Connection: close, Host\r\n\r\n", .invalidConnection),
    (get + "Connection: content-length\r\n\r\n", .invalidConnection),
    (get + "Connection: , close,, TE\r\n\r\n", nil),
    (get + "Expect: 100-Continue\r\n\r\n", nil),
    (get + "Expect: 200-ok\r\n\r\n", .unsupportedExpectation),
]

@Test(arguments: heads) func `a request head is judged the same however it is cut`(wire: String, error: HTTPError?) {
    let bytes = wire.unicodeScalars.map { UInt8($0.value) }
    for step in [bytes.count, 7, 1] {
        let transcript = Transcript.requests(bytes, step: step)
        #expect(transcript.error == error, "step \(step): \(transcript)")
        #expect(error != nil || transcript.lines.last == "end", "step \(step): \(transcript)")
    }
}

private let meanings: [(wire: String, lines: [String])] = [
    (
        "GET /a?b=c HTTP/1.1\r\nHost: x:1\r\nConnection: close\r\n\r\n",
        ["get /a?b=c http11 none @x:1 Host=x:1 Connection=close", "end"]
    ),
    ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", ["get http://b/ http11 none keep @b Host=a", "end"]),
    ("BREW / HTTP/1.0\r\n\r\n", ["other / http10 none", "end"]),
    (
        "PUT / HTTP/1.0\r\nConnection: Keep-Alive\r\nExpect: 100-continue\r\n\r\n",
        ["put / http10 none keep Connection=Keep-Alive Expect=100-continue", "end"]
    ),
    (
        "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n",
        [
            "get /chat http11 none keep upgrade=websocket @a Host=a Upgrade=websocket Connection=keep-alive, Upgrade",
            "end",
        ]
    ),
    ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n", ["get / http11 none keep @a Host=a Upgrade=h2c", "end"]),
    (
        "PATCH / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
        ["patch / http11 length(0) keep expect @a Host=a Expect=100-continue Content-Length=0", "end"]
    ),
    (
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n",
        ["get /1 http11 none keep @a Host=a", "end", "get /2 http11 none keep @b Host=b", "end"]
    ),
]

@Test(arguments: meanings) func `a request head means the same however it is cut`(wire: String, lines: [String]) {
    for step in [wire.utf8.count, 7, 1] {
        #expect(Transcript.requests(wire.bytes, step: step) == Transcript(lines: lines))
    }
}

@Test(
    arguments: [
        ("/a/b?c?d", "/a/b", "c?d"), ("/", "/", nil), ("/?", "/", ""), ("http://h/p?q", "/p", "q"),
        ("http://h?q", "", "q"),
        ("http://h", "", nil),
    ] as [(String, String, String?)])
func `a target is split into path and query`(target: String, path: String, query: String?) throws {
    let wire = "GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n".bytes
    let head = try head(of: wire)
    #expect(wire.span.bytes.string(in: head.path) == path)
    #expect(head.query.map { wire.span.bytes.string(in: $0) } == query)
}

@Test func `a field is found by its name in any case, the first of several`() throws {
    let wire = "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nConnection: TE, x-a\r\nTE: trailers\r\n\r\n".bytes
    let head = try head(of: wire)
    let bytes = wire.span.bytes
    #expect(head.byteCount == wire.count && head.fieldCount == 5)
    #expect(head.value(of: "x-A", in: bytes).map { bytes.string(in: $0) } == "1")
    #expect(head.value(of: "x-b", in: bytes) == nil)
    #expect(head.hasConnectionFields)
    var options: [String] = []
    head.forEachConnectionOption(in: bytes) { options.append(bytes.string(in: $0)) }
    #expect(options == ["TE", "x-a"])
}

private let alphanumerics = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/// A field of which one part has every byte in every place, and the bytes that may stand there.
private let places: [(before: String, after: String, allowed: String)] = [
    (get, ": x\r\n\r\n", alphanumerics + "!#$%&'*+-.^_`|~"),
    ("GET / HTTP/1.1\r\nHost: a", "a\r\n\r\n", alphanumerics + "-._~!$&'()*+,;="),
]

@Test(arguments: places)
func `a byte is judged the same wherever it stands`(before: String, after: String, allowed: String) {
    // These two would part a name from a value, or begin an escape.
    let bytes = (UInt8.min...UInt8.max).filter { ![UInt8(ascii: ":"), UInt8(ascii: "%")].contains($0) }
    for length in [1, 8, 20] {
        for place in 0..<length {
            let accepted = bytes.filter { byte in
                var part = [UInt8](repeating: UInt8(ascii: "a"), count: length)
                part[place] = byte
                return (try? head(of: before.bytes + part + after.bytes)) != nil
            }
            #expect(accepted == allowed.bytes.sorted().filter { $0 != UInt8(ascii: "%") }, "\(place) of \(length)")
        }
    }
}
