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

/// What the proxy in front says, which has passed the client's `Connection` on (as in CVE-2025-48865).
@Test func `no client can have a trusted proxy's word about it dropped`() async throws {
    try await withBalancer(
        workers: 1,
        {
            $0.forwarded.mode = .trust
            $0.forwarded.trusted = IPNetwork("127.0.0.0/8").map { [$0] } ?? []
        }
    ) { fixture in
        _ = try fixture.exchange(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For, X-Forwarded-Proto, X-Other\r\n"
                + "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Other: 1\r\n\r\n")
        let seen = try #require(fixture.workers[0].seen.withLock { $0.last })
        #expect(seen.values("X-Forwarded-For") == ["192.0.2.1"] && seen.values("X-Forwarded-Proto") == ["https"])
        #expect(seen.values("X-Other") == [])
    }
}

private let imitations = [
    "X_Forwarded_For", "x-forwarded_for", "X_FORWARDED-PROTO", "X_Forwarded_Host", "X-Forwarded_Host",
    "X_Forwarded_Port", "X-Forwarded-Path_Prefix", "X_Real_IP", "x-real_ip",
]

/// To a program of CGI or WSGI it is `HTTP_X_FORWARDED_FOR` like the balancer's own. No proxy sends one, not even a
/// trusted one.
@Test(arguments: [nil, "127.0.0.0/8"]) func `no field comes through that passes for one about the client`(
    trusted: String?
) async throws {
    try await withBalancer(
        workers: 1,
        {
            $0.forwarded.mode = trusted == nil ? .append : .trust
            $0.forwarded.trusted = trusted.flatMap { IPNetwork($0) }.map { [$0] } ?? []
        }
    ) { fixture in
        let lines = (imitations + ["X_Forwards", "X_Other"]).map { "\($0): 6.6.6.6\r\n" }.joined()
        _ = try fixture.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n")
        let seen = try #require(fixture.workers[0].seen.withLock { $0.last })
        for name in imitations { #expect(seen.values(name) == []) }
        #expect(seen.values("X_Forwards") == ["6.6.6.6"] && seen.values("X_Other") == ["6.6.6.6"])
        #expect(seen.values("X-Forwarded-For") == ["127.0.0.1"] && seen.values("X-Forwarded-Proto") == ["http"])
    }
}

/// Frameworks build URLs by them, as if the proxy had said so.
@Test(arguments: ForwardedPolicy.Mode.allCases)
func `what else is said about the client counts from trusted proxies only`(
    mode: ForwardedPolicy.Mode
) async throws {
    let change: (inout BalancerSettings) -> Void = {
        $0.forwarded.mode = mode
        $0.forwarded.trusted = IPNetwork("127.0.0.0/8").map { [$0] } ?? []
    }
    try await withBalancer(workers: 1, change) { fixture in
        let names = ["X-Forwarded-Prefix", "x-forwarded-port", "X-Forwarded-Server", "X-Real-IP"]
        let lines = names.map { "\($0): /evil\r\n" }.joined()
        _ = try fixture.exchange("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded: a\r\nX-Real-ID: a\r\n\(lines)\r\n")
        let seen = try #require(fixture.workers[0].seen.withLock { $0.last })
        for name in names { #expect(seen.values(name) == (mode == .trust ? ["/evil"] : [])) }
        #expect(seen.values("X-Forwarded") == ["a"] && seen.values("X-Real-ID") == ["a"])
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
