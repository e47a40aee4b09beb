import IgropyrBalancer
import Testing

private func location(_ target: String, host: String = "old.example:8080", _ uri: String) throws -> String? {
    let bytes = try RedirectTarget(target).location(host: host.utf8Span.span, uri: uri.utf8Span.span)
    return bytes.map { String(decoding: $0, as: UTF8.self) }
}

@Test(arguments: [
    ("https://example.org/{path}", "/a/b?c=d", "https://example.org/a/b"),
    ("https://example.org/{uri}", "/a/b?c=d?e", "https://example.org/a/b?c=d?e"),
    ("https://example.org/{uri}", "/?", "https://example.org/?"),
    ("https://example.org/new?from={path}&{query}", "/a?b=c", "https://example.org/new?from=a&b=c"),
    ("https://{host}/{uri}", "/a", "https://old.example/a"),
    ("https://www.{host}:8443/", "/a", "https://www.old.example:8443/"),
    ("https://example.org", "/a", "https://example.org"), ("/new/{path}", "//evil.example", "/new//evil.example"),
    ("https://example.org/{path}", "//evil.example/x", "https://example.org//evil.example/x"),
    ("https://example.org/{uri}", "", "https://example.org/"),
    ("https://example.org/{uri}", "?a", "https://example.org/?a"),
    ("https://example.org/#{path}", "/a", "https://example.org/#a"),
]) func `a redirect puts in the request's parts as they were sent`(
    target: String, uri: String, location expected: String
) throws {
    #expect(try location(target, uri) == expected)
}

@Test func `a redirect to the request's own host needs one`() throws {
    #expect(try location("https://{host}/", host: "", "/") == nil)
    #expect(try location("https://{host}/", host: "[::1]:80", "/") == "https://[::1]/")
}

@Test(arguments: [
    "", "example.org/{path}", "//example.org/{path}", "/{path}", "/{uri}", "{uri}", "https://{path}/",
    "https://{query}",
    "https://example.org{path}", "https://example.org:{path}/", "https://user@example.org/", "https:///{path}",
    "ftp://a/",
    "javascript:alert(1)", "https://example.org/{Path}", "https://example.org/{path", "https://example.org/path}",
    "https://example.org/a b", "https://example.org/\r\nX: 1", "/\\evil.example", "https://exämple.org/",
    "https://a{host",
]) func `a redirect whose host a request could choose is refused, as is what is no URL`(target: String) {
    #expect(throws: RedirectTarget.Invalid.self) { try RedirectTarget(target) }
}
