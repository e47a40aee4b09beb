import IgropyrOrchestration
import IgropyrUV
import Testing

@testable import IgropyrBalancer

@Test func `a path stays with its worker, and paths spread over all workers`() async throws {
    try await withBalancer { fixture in
        let client = try fixture.client()
        var owners: [String: Int] = [:]
        for key in 0..<300 {
            let name = try client.get("/item/\(key)?first").text
            #expect(try client.get("/item/\(key)?second").text == name)
            owners[name, default: 0] += 1
        }
        #expect(owners.count == 3)
        for count in owners.values { #expect(count > 60) }
    }
}

@Test func `a worker that leaves moves only its own paths`() async throws {
    try await withBalancer { fixture in
        let client = try fixture.client()
        let paths = (0..<200).map { "/item/\($0)" }
        let before = try paths.map { try client.get($0).text }
        fixture.use(fixture.workers.dropLast().map(\.address))
        _ = await fixture.balancer.counters  // Comes after the update on each loop.
        let after = try paths.map { try client.get($0).text }
        for (old, new) in zip(before, after) where old != "worker-2" { #expect(old == new) }
        #expect(!after.contains("worker-2") && before.contains("worker-2"))
    }
}

private let keys: [(text: String, first: String, second: String)] = [
    ("path", "GET /a?x HTTP/1.1\r\n", "GET http://other/a?y HTTP/1.1\r\n"),
    ("uri", "GET /a?x HTTP/1.1\r\n", "GET /a?x HTTP/1.1\r\nX: 1\r\n"),
    ("source", "GET /a HTTP/1.1\r\n", "GET /b HTTP/1.1\r\n"),
    ("header:X-User", "GET /a HTTP/1.1\r\nx-user: 7\r\n", "GET /b HTTP/1.1\r\nX-User: 7\r\n"),
    ("cookie:sid", "GET /a HTTP/1.1\r\nCookie: a=b; sid=7\r\n", "GET /b HTTP/1.1\r\nCookie: sid=7; sid=8\r\n"),
    ("cookie:sid", "GET /a HTTP/1.1\r\nCookie: xsid=7\r\n", "GET /a HTTP/1.1\r\nCookie: SID=9; sid=\r\n"),
    ("header:X-User", "GET /a HTTP/1.1\r\n", "GET /a?q HTTP/1.1\r\nX-User: \r\n"),
]

@Test(arguments: keys) func `requests with one key go to one worker`(
    text: String, first: String, second: String
)
    async throws
{
    let key = try HashKey(parsing: text)
    try await withBalancer(workers: 5, { $0.application.hashKey = key }) { fixture in
        let client = try fixture.client()
        let worker = try client.exchange(first + "Host: test\r\n\r\n").text
        #expect(try client.exchange(second + "Host: test\r\n\r\n").text == worker)
    }
}

@Test(arguments: ["uri", "header:X-User", "cookie:sid"])
func `other keys spread one path over workers`(text: String) async throws {
    let key = try HashKey(parsing: text)
    try await withBalancer({ $0.application.hashKey = key }) { fixture in
        let client = try fixture.client()
        let names = try (0..<60).map { try client.get("/a?\($0)", "X-User: \($0)\r\nCookie: sid=\($0)\r\n").text }
        #expect(Set(names).count == 3)
    }
}

@Test(arguments: ["", "paths", "header", "header:", "header:a b", "cookie:ü", "cookie:a=b", "Path", "source:x"])
func `a text that is no hash key is refused with what it may be`(text: String) {
    #expect(throws: HashKey.Invalid(text: text)) { try HashKey(parsing: text) }
    #expect("\(HashKey.Invalid(text: text))".contains("header:NAME"))
}
