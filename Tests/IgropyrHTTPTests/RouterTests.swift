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
    for (method, pattern) in routes { try router.add(method, RoutePattern(pattern), pattern) }
    return router
}

private let routes: [(HTTPMethod, String)] = [
    (.get, "/"), (.get, "/users"), (.get, "/users/me"), (.post, "/users/:id"), (.get, "/users/:id"),
    (.delete, "/users/:user/keys/:key"), (.get, "/users/*/keys"), (.get, "/files/**"), (.put, "/files/readme"),
    (.get, "/files/:name/info"), (.get, "/a/b/c/"), (.get, "/caf\u{e9}/x y"), (.get, "/only/*"),
]

@Test(arguments: [
    ("/", "/"), ("", "/"), ("/users", "/users"), ("/users/", "404"), ("/users/me", "/users/me"),
    ("/users/7", "/users/:id id=7"), ("/users/a%20b", "/users/:id id=a%20b"), ("/users/%6De", "/users/me"),
    ("/Users", "404"), ("/users/me/keys", "/users/*/keys"), ("/files", "/files/** **="), ("/files/", "/files/** **="),
    ("/files/a/b//c", "/files/** **=a/b//c"), ("/files/readme", "/files/** **=readme"),
    ("/files/x/info", "/files/:name/info name=x"), ("/files/x/infos", "/files/** **=x/infos"), ("/a/b/c", "404"),
    ("/a/b/c/", "/a/b/c/"), ("/caf%C3%A9/x%20y", "/caf\u{e9}/x y"), ("/only/", "404"), ("/only/x", "/only/*"),
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
    let bytes = "/users/me".bytes
    #expect(
        try router.methods(path: 0..<bytes.count, in: bytes.span.bytes) == [HTTPMethodSet(.get), HTTPMethodSet(.post)])
}

@Test func `what a failed attempt kept is forgotten`() throws {
    let router = try router([(.get, "/:a/:b/x"), (.get, "/:a/*/y"), (.get, "/**")])
    #expect(try find(.get, "/1/2/y", in: router) == "/:a/*/y a=1")
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

@Test(arguments: ["", "a", "/a*", "/**/a", "/:", "/:a/:a", "/./a", "/a/.."])
func `a pattern that cannot mean anything is refused`(pattern: String) {
    #expect(throws: RoutePattern.Failure.self) { try RoutePattern(pattern) }
}

@Test func `two routes for the same method and paths are refused`() throws {
    var router = try router([(.get, "/:a")])
    #expect(throws: DuplicateRoute.self) { try router.add(.get, try RoutePattern("/:b"), "") }
    try router.add(.post, try RoutePattern("/:b"), "/:b")
    #expect(try find(.post, "/1", in: router) == "/:b b=1")
}
