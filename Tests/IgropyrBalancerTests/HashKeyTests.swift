import IgropyrHashing
import IgropyrOrchestration
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

private func hash(_ key: String, _ request: String, source: String? = "10.0.0.1") throws -> UInt64 {
    let key = try HashKey(parsing: key)
    let address = source.flatMap { SocketAddress($0, port: 1) }
    return try withRequest(request) { key.hash($0, $1, source: address) }
}

private let keys: [(key: String, request: String, value: String)] = [
    ("path", "GET /a?b HTTP/1.1", "/a"), ("uri", "GET /a?b HTTP/1.1", "/a?b"), ("path", "GET http://h HTTP/1.1", "/"),
    ("query:id", "GET /a?x=1&id=7&id=8 HTTP/1.1", "7"), ("query:id", "GET /a?id=%37 HTTP/1.1", "%37"),
    ("query:id", "GET /a?xid=1&id HTTP/1.1", "/a"), ("query:id", "GET /a?id= HTTP/1.1", "/a"),
    ("query:id", "GET /a HTTP/1.1", "/a"), ("query:a[]", "GET /a?a[]=2 HTTP/1.1", "2"),
    ("header:X-User", "GET /a HTTP/1.1\r\nx-user: 7", "7"),
    ("cookie:sid", "GET /a HTTP/1.1\r\nCookie: a=b; sid=7", "7"),
    ("cookie-set:sid", "GET /a HTTP/1.1\r\nCookie: sid=7", "7"),
    ("path~^/users/([^/]+)", "GET /users/ann/cart?x HTTP/1.1", "ann"),
    ("path~^/users/([^/]+)", "GET /groups/ann HTTP/1.1", "/groups/ann"),
    ("path~^/users/(.*)$", "GET /users/ HTTP/1.1", "/users/"),
    ("uri~[?&]id=(\\d+)", "GET /a?x=1&id=42 HTTP/1.1", "42"),
    ("header:Authorization~^Bearer (.+)$", "GET /a HTTP/1.1\r\nAuthorization: Bearer xyz", "xyz"),
    ("header:Authorization~^Bearer (.+)$", "GET /a HTTP/1.1", "/a"),
    ("cookie:sid~^([a-z]+)", "GET /a HTTP/1.1\r\nCookie: sid=ab12", "ab"),
    (
        "path~(.*)", "GET /" + String(repeating: "a", count: 2000) + " HTTP/1.1",
        "/" + String(repeating: "a", count: 2000)
    ),
]

@Test(arguments: keys) func `a key is found as it was sent, else the path is the key`(
    key: String, request: String, value: String
) throws {
    #expect(try hash(key, request) == XXH64.hash(value))
}

@Test func `methods part the keys of a path`() throws {
    let get = try hash("method+path", "GET /a?x HTTP/1.1")
    #expect(try hash("method+path", "GET /a?y HTTP/1.1") == get)
    #expect(try hash("method+path", "POST /a HTTP/1.1") != get)
    #expect(try hash("method+path", "GET /b HTTP/1.1") != get)
}

@Test func `a source is the address that the caller gives`() throws {
    #expect(try hash("source", "GET /a HTTP/1.1") == hash("source", "GET /b HTTP/1.1"))
    #expect(try hash("source", "GET /a HTTP/1.1") != hash("source", "GET /a HTTP/1.1", source: "10.0.0.2"))
    #expect(try hash("source", "GET /a HTTP/1.1") == hash("source", "GET /a HTTP/1.1", source: "::ffff:10.0.0.1"))
    #expect(try hash("source", "GET /a HTTP/1.1", source: nil) == XXH64.hash("/a"))
}

@Test(arguments: keys.map(\.key) + ["source", "method+path"]) func `a key is written as it is read`(key: String) throws
{
    #expect("\(try HashKey(parsing: key))" == key)
}

@Test(arguments: [
    "query:", "query:a=b", "query:a&b", "path~", "path~abc", "path~(", "source~(.)", "query:a~(.)", "method+path~(.)",
    "header:~(.)", "cookie-set:", "cookie-set:a b", "cookie-set:a;b", "method", "path~(?=a)(b)",
]) func `a text that is no key is refused`(key: String) {
    #expect(throws: HashKey.Invalid(text: key)) { try HashKey(parsing: key) }
}

@Test func `a client without the cookie gets one that leads to where its first request went`() throws {
    let key = HashKey.assignedCookie("lb")
    var generator = SplitMix(seed: 1)
    for request in ["GET /a HTTP/1.1", "GET /a HTTP/1.1\r\nCookie: lb=; xlb=1"] {
        let cookie = try #require(try withRequest(request) { key.newCookie($0, $1, using: &generator) })
        #expect(cookie.value.utf8.count == 32)
        #expect(cookie.setCookie(isEncrypted: false) == "lb=\(cookie.value); Path=/; HttpOnly; SameSite=Lax")
        #expect(cookie.setCookie(isEncrypted: true).hasSuffix("; Secure"))
        #expect(try hash("cookie-set:lb", "GET /b HTTP/1.1\r\nCookie: lb=\(cookie.value)") == cookie.hash)
    }
    try withRequest("GET /a HTTP/1.1\r\nCookie: lb=7") {
        #expect(key.newCookie($0, $1, using: &generator) == nil)
        #expect(HashKey.cookie("other").newCookie($0, $1, using: &generator) == nil)
    }
}
