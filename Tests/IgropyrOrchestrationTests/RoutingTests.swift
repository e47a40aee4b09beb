import IgropyrOrchestration
import Testing

private func rules() throws -> [(name: String, match: RouteMatch)] {
    [
        ("any", try RouteMatch()),
        ("any-api", try RouteMatch(pathPrefix: "/api")),
        ("org", try RouteMatch(host: "*.example.org")),
        ("org-api", try RouteMatch(host: "*.example.org", pathPrefix: "/api")),
        ("eu", try RouteMatch(host: "*.EU.example.org", pathPrefix: "/only")),
        ("exact", try RouteMatch(host: "shop.example.org", pathPrefix: "/cart")),
        ("v2", try RouteMatch(pathPrefix: "/api", conditions: [HeaderCondition(name: "X-Version", .equals("2"))])),
        (
            "v2-debug",
            try RouteMatch(
                pathPrefix: "/api",
                conditions: [
                    HeaderCondition(name: "x-version", .equals("2")), HeaderCondition(name: "x-debug", .isPresent),
                ])
        ),
        ("quiet", try RouteMatch(pathPrefix: "/log", conditions: [HeaderCondition(name: "x-debug", .isAbsent)])),
        ("again", try RouteMatch(pathPrefix: "/api")),
    ]
}

private func route(_ host: String, _ path: String, _ header: [String: String] = [:]) throws -> String? {
    let rules = try rules()
    let position = RoutingTable(rules.map(\.match)).position(host: host.utf8Span.span, path: path.utf8Span.span) {
        condition in
        switch condition.test {
        case .equals(let value): header[condition.name] == value
        case .isPresent: header[condition.name] != nil
        case .isAbsent: header[condition.name] == nil
        }
    }
    return position.map { rules[$0].name }
}

@Test(arguments: [
    ("a.example.org", "/", "org"), ("a.b.EXAMPLE.org:443", "/api/x", "org-api"), ("example.org", "/", "any"),
    ("xexample.org", "/", "any"), (".example.org", "/", "any"), ("a.eu.example.org", "/only", "eu"),
    ("a.eu.example.org", "/", "org"), ("eu.example.org", "/only", "org"), ("shop.example.org", "/cart/1", "exact"),
    ("shop.example.org", "/api", "org-api"), ("shop.example.org", "/", "org"),
    ("shop.example.org.:80", "/cart/1", "exact"), (".", "/", "any"),
    ("a.example.org.", "/", "org"),
    ("", "/api", "any-api"), ("a", "/apix", "any"), ("a:80", "/", "any"), ("[::1]:80", "/api", "any-api"),
]) func `the very host goes first, then the longest end of its name, then any`(
    host: String, path: String, rule: String
) throws {
    #expect(try route(host, path) == rule)
}

@Test func `of rules for one prefix those with more conditions are asked first`() throws {
    #expect(try route("", "/api", ["x-version": "2"]) == "v2")
    #expect(try route("", "/api", ["x-version": "2", "x-debug": ""]) == "v2-debug")
    #expect(try route("", "/api", ["x-version": "3", "x-debug": ""]) == "any-api")
    #expect(try route("", "/log", ["x-debug": "1"]) == "any")
    #expect(try route("", "/log") == "quiet")
}

@Test func `the longer prefix goes before more conditions`() throws {
    let table = RoutingTable([
        try RouteMatch(conditions: [HeaderCondition(name: "a", .isPresent)]), try RouteMatch(pathPrefix: "/x"),
    ])
    #expect(table.position(host: "".utf8Span.span, path: "/x".utf8Span.span) { _ in true } == 1)
}

@Test(arguments: ["*", "*.", "*.*.org", "a*.org", "*.exämple.org", "a b", "*.a/b", "**.org"])
func `a host that is no pattern is refused`(host: String) {
    #expect(throws: InvalidName.self) { try RouteMatch(host: host) }
}

@Test func `thousands of wildcards are all found`() throws {
    let table = RoutingTable(try (0..<3000).map { try RouteMatch(host: "*.h\($0).example") })
    for number in [0, 1, 1499, 2999] {
        let host = "deep.in.h\(number).example"
        #expect(table.position(host: host.utf8Span.span, path: "/".utf8Span.span) { _ in true } == number)
    }
}
