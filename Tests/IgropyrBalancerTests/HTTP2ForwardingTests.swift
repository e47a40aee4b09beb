import IgropyrHTTP
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

private func curl(_ fixture: Fixture, _ path: String, _ options: String...) async throws -> String {
    let outcome = try await run(
        ["curl", "-sS", "--max-time", "60", "--http2-prior-knowledge"] + options
            + ["http://\(fixture.balancer.address)\(path)"])
    #expect(outcome.status == 0, "\(outcome)")
    return outcome.output
}

@Test func `what comes by HTTP 2 goes on by HTTP 1`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let answer = try await curl(
            fixture, "/a?b=c", "-i", "-H", "Host: shop.example:81", "-H", "Cookie: a=1; b=2", "-H", "TE: trailers",
            "-H", "Via: 1.1 other")
        #expect(answer.hasPrefix("HTTP/2 200") && answer.hasSuffix("worker-0"), "\(answer)")
        #expect(answer.contains("via: 1.1 igropyr\r\n"), "\(answer)")
        let seen = try #require(fixture.workers[0].seen.withLock { $0.first })
        #expect(seen.target == "/a?b=c" && seen.method == "GET" && seen.framing == .none)
        #expect(seen.values("Host") == ["shop.example:81"])
        #expect(seen.values("X-Forwarded-Host") == ["shop.example:81"])
        #expect(seen.values("Cookie") == ["a=1; b=2"])
        #expect(seen.values("TE") == ["trailers"] && seen.values("Connection") == ["TE"])
        #expect(seen.values("Via") == ["1.1 other", "2 igropyr"])
    }
}

@Test(arguments: ["/chunked", "/status/204", "/status/304", "/big/3000000", "/fields"])
func `responses of every framing reach a client of HTTP 2`(path: String) async throws {
    try await withBalancer(workers: 1) { fixture in
        let answer = try await curl(fixture, path, "-w", " %{http_version} %{http_code} %{size_download}")
        let expected =
            switch path {
            case "/chunked": "2 200 13"
            case "/status/204": "2 204 0"
            case "/status/304": "2 304 0"
            case "/fields": "2 200 0"
            default: "2 200 3000000"
            }
        #expect(answer.hasSuffix(expected), "\(answer.suffix(100))")
    }
}

@Test func `uploads by HTTP 2 reach the worker whole, with and without a length`() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("body", String(repeating: "x", count: 3_000_000))
    try await withBalancer(workers: 1) { fixture in
        #expect(try await curl(fixture, "/count", "--data-binary", "@\(file)").hasPrefix("3000000 "))
        let unknown = try await curl(fixture, "/count", "-T", file, "-X", "POST", "-H", "Content-Length:")
        #expect(unknown.hasPrefix("3000000 "), "\(unknown)")
        let seen = fixture.workers[0].seen.withLock { $0.map(\.framing) }
        #expect(seen == [.length(3_000_000), .chunked])
    }
}

@Test func `a response that is cut resets one stream of several`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let address = "http://\(fixture.balancer.address)"
        let outcome = try await run([
            "nghttp", "-nv", "\(address)/cut", "\(address)/chunked", "\(address)/cut-chunked", "\(address)/big/100000",
        ])
        #expect(outcome.output.ranges(of: "recv RST_STREAM").count == 2, "\(outcome.output)")
        #expect(outcome.output.ranges(of: "; END_STREAM\n[").count >= 2, "\(outcome.output)")
    }
}
