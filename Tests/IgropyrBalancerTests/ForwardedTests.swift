import IgropyrUV
import Testing

@testable import IgropyrBalancer

private let policies: [(ForwardedPolicy.Mode, trusted: String?, sent: [String], seen: [String])] = [
    (.replace, nil, ["for=6.6.6.6"], ["for=127.0.0.1;host=a;proto=http"]),
    (.append, nil, [], ["for=127.0.0.1;host=a;proto=http"]),
    (.append, nil, ["for=6.6.6.6"], ["for=6.6.6.6, for=127.0.0.1;host=a;proto=http"]),
    (
        .append, nil, [#"for="[2001:db8::1]:80" ;proto=http, for=_x"#, "for=b"],
        [#"for="[2001:db8::1]:80" ;proto=http, for=_x, for=b, for=127.0.0.1;host=a;proto=http"#]
    ),
    (.append, nil, ["for=b", #"for="c"#], ["for=127.0.0.1;host=a;proto=http"]),
    (.trust, nil, ["for=6.6.6.6"], ["for=127.0.0.1;host=a;proto=http"]),
    (.trust, "127.0.0.0/8", ["for=6.6.6.6", "for=b"], ["for=6.6.6.6", "for=b"]),
    (.trust, "127.0.0.0/8", [], ["for=127.0.0.1;host=a;proto=http"]),
]

@Test(arguments: policies) func `workers are told of a client in the standard's field, too`(
    mode: ForwardedPolicy.Mode, trusted: String?, sent: [String], seen: [String]
) async throws {
    try await withBalancer(
        workers: 1,
        {
            $0.forwarded.mode = mode
            $0.forwarded.writesStandardField = true
            if let trusted, let network = IPNetwork(trusted) { $0.forwarded.trusted = [network] }
        }
    ) { fixture in
        let lines = sent.map { "Forwarded: \($0)\r\n" }.joined()
        _ = try fixture.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n")
        #expect(fixture.workers[0].seen.withLock { $0.last }?.values("Forwarded") == seen)
    }
}

@Test func `addresses and hosts are quoted where the grammar asks for it`() {
    let client = SocketAddress("2001:db8::1", port: 80)
    let text = ForwardedElement.text(client: client, host: "a:8080", isEncrypted: true)
    #expect(text == #"for="[2001:db8::1]";host="a:8080";proto=https"#)
    #expect(ForwardedElement.text(client: nil, host: nil, isEncrypted: false) == "for=unknown;proto=http")
}

private let values: [(String, isList: Bool)] = [
    ("for=a", true), (#"for="a";by=b, for=c"#, true), (#"for="a, b""#, true), (#"for="a\"b""#, true), ("", true),
    (#"for="a"#, false), (#"for=a"b"#, false), (#"for="a\"#, false), (#"for="a\""#, false), (#"for=\"a"#, false),
    (#"for="a"b"#, false), (#""for=a"#, false), (#"for=a","#, false),
]

@Test(arguments: values) func `nothing is put behind a value that could swallow it`(value: String, isList: Bool) {
    let bytes = Array(value.utf8)
    #expect(ForwardedElement.isList(0..<bytes.count, in: bytes.span.bytes) == isList)
}
