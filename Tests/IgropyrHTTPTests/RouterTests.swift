import IgropyrHTTP
import Testing

private func find(_ method: HTTPMethod, _ path: String, in router: Router<String>) throws -> String {
    let bytes = path.bytes
    switch try router.find(method, path: 0..<bytes.count, in: bytes.span.bytes) {
    case .found(let value, let parameters):
        return ([value] + parameters.map { "\($0.name)=\(bytes.span.bytes.string(in: $0.range))" }).joined(
            separator: " ")
    case .methodNotAllowed(let methods): return "405 \(methods.allow)"
    case .notFound: return "404"
    }
}

private func router(_ routes: [(HTTPMethod, String)]) throws -> Router<String> {
    var router = Router<String>()
    for (method, pattern) in routes { try router.add(method, PathPattern(pattern), pattern) }
    return router
}

private let routes: [(HTTPMethod, String)] = [
    (.get, "/"), (.get, "/users"), (.get, "/users/me"), (.post, "/users/:id"), (.get, "/users/:id"),
    (.delete, "/users/:user/keys/:key"), (.get, "/users/*/keys"), (.get, "/files/**"), (.put, "/files/readme"),
    (.get, "/files/:name/info"), (.get, "/a/b/c/"), (.get, "/caf\u{e9}/x y"), (.get, "/only/*"),
    (.get, "/img/*.png"), (.get, "/img/img-*-small.png"), (.get, "/img/logo.png"), (.get, "/img/:name"),
    (.get, "/v*/*/x-*"), (.get, "/pre*/"), (.get, "/o'*é"),
]

@Test(arguments: [
    ("/", "/"), ("", "/"), ("/users", "/users"), ("/users/", "404"), ("/users/me", "/users/me"),
    ("/users/7", "/users/:id id=7"), ("/users/a%20b", "/users/:id id=a%20b"), ("/users/%6De", "/users/me"),
    ("/Users", "404"), ("/users/me/keys", "/users/*/keys *=me"), ("/files", "/files/** **="),
    ("/files/", "/files/** **="),
    ("/files/a/b//c", "/files/** **=a/b//c"), ("/files/readme", "/files/** **=readme"),
    ("/files/x/info", "/files/:name/info name=x"), ("/files/x/infos", "/files/** **=x/infos"), ("/a/b/c", "404"),
    ("/a/b/c/", "/a/b/c/"), ("/caf%C3%A9/x%20y", "/caf\u{e9}/x y"), ("/only/", "404"), ("/only/x", "/only/* *=x"),
    ("/img/a.png", "/img/*.png *=a"), ("/img/img-a-small.png", "/img/img-*-small.png *=a"),
    ("/img/img-small.png", "/img/*.png *=img-small"), ("/img/logo.png", "/img/logo.png"),
    ("/img/.png", "/img/:name name=.png"), ("/img/a.PNG", "/img/:name name=a.PNG"),
    ("/img/%61%2E%70ng", "/img/*.png *=%61"), ("/img/%2541.png", "/img/*.png *=%2541"),
    ("/img/im%67-%41-small%2epng", "/img/img-*-small.png *=%41"), ("/img/img--small.png", "/img/*.png *=img--small"),
    ("/v1/a/x-b", "/v*/*/x-* *=1 *2=a *3=b"), ("/v/a/x-b", "404"), ("/v1/a/x-", "404"), ("/prefix/", "/pre*/ *=fix"),
    ("/pre%2Ffix/", "/pre*/ *=%2Ffix"), ("/o'x%C3%A9", "/o'*é *=x"), ("/o'%C3%A9", "404"), ("/o'%A9", "404"),
    ("/users/7/keys/8", "405 DELETE"), ("//", "404"), ("/users//keys", "404"),
])
func `the best pattern that fits is found`(path: String, answer: String) throws {
    #expect(try find(.get, path, in: router(routes)) == answer)
}

@Test func `a method takes the next best pattern that has it`() throws {
    let router = try router(routes)
    #expect(try find(.post, "/users/me", in: router) == "/users/:id id=me")
    #expect(try find(.delete, "/users/a/keys/b", in: router) == "/users/:user/keys/:key user=a key=b")
    #expect(try find(.put, "/users/me", in: router) == "405 GET, POST")
    #expect(try find(.put, "/files/other", in: router) == "405 GET")
    #expect(try find(.put, "/nowhere", in: router) == "404")
}

@Test func `what a failed attempt kept is forgotten`() throws {
    let router = try router([(.get, "/:a/:b/x"), (.get, "/:a/*/y"), (.get, "/**")])
    #expect(try find(.get, "/1/2/y", in: router) == "/:a/*/y a=1 *=2")
    #expect(try find(.get, "/1/2/z", in: router) == "/** **=1/2/z")
}

@Test func `bad escapes and dot segments are refused before any route`() throws {
    let router = try router(routes)
    #expect(throws: HTTPError.dotSegment) { try find(.get, "/files/../etc", in: router) }
    #expect(throws: HTTPError.invalidPercentEncoding) { try find(.get, "/files/%zz", in: router) }
}

@Test func `a thousand literals are told apart`() throws {
    let router = try router((0..<1000).map { (.get, "/p/\($0)") })
    for number in 0..<1000 { #expect(try find(.get, "/p/\(number)", in: router) == "/p/\(number)") }
    #expect(try find(.get, "/p/1000", in: router) == "404")
}

@Test(arguments: [
    "", "a", "/a*b*", "/a/***", "/:a*", "/**/a", "/:", "/:a/:a", "/./a", "/a/..", "/{a}", "/b/{a}/c", "/:a.txt", "/:a?",
    "/:{a}",
])
func `a pattern that cannot mean anything is refused`(pattern: String) {
    #expect(throws: PathPattern.Failure.self) { try PathPattern(pattern) }
}

@Test(arguments: ["/:user_id", "/:user-id", "/:n1", "/:gr\u{f6}\u{df}e", "/{a", "/a}", "/a{b}c", "/*.{js,css}"])
func `names have letters, digits and two marks, and a brace is a letter like others`(pattern: String) throws {
    #expect(try PathPattern(pattern).description == pattern)
}

@Test func `two routes for the same method and paths are refused`() throws {
    var router = try router([(.get, "/:a")])
    let error = #expect(throws: DuplicateRoute.self) { try router.add(.get, try PathPattern("/:b"), "") }
    #expect(error?.description == "a second route for GET /:b")
    try router.add(.post, try PathPattern("/:b"), "/:b")
    #expect(try find(.post, "/1", in: router) == "/:b b=1")
}

@Test func `more text around a star goes first, in whatever order the routes were added`() throws {
    for patterns in [["/*-b", "/a-*-b", "/*", "/a*"], ["/a*", "/*", "/a-*-b", "/*-b"]] {
        let router = try router(patterns.map { (.get, $0) })
        #expect(try find(.get, "/a-x-b", in: router) == "/a-*-b *=x")
        #expect(try find(.get, "/c-b", in: router) == "/*-b *=c")
        #expect(try find(.get, "/a-x", in: router) == "/a* *=-x")
        #expect(try find(.get, "/c", in: router) == "/* *=c")
    }
}

/// Stars that fail late, one below the other: a matcher that backtracks within a segment would never come back.
@Test func `a lookup visits each node once, whatever the path`() throws {
    let pattern = String(repeating: "/a*a", count: 60)
    let router = try router([(.get, pattern + "/end"), (.get, "/**")])
    let path = String(repeating: "/" + String(repeating: "a", count: 60), count: 60)
    #expect(try find(.get, path, in: router).hasPrefix("/** **=aaa"))
    #expect(try find(.get, path + "/end", in: router).hasPrefix(pattern))
}
