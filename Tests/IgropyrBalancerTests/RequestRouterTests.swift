import IgropyrOrchestration
import IgropyrUV
import Testing

@testable import IgropyrBalancer

private func application(_ name: String) -> ApplicationName { ApplicationName(rawValue: name)! }

private func router(_ fallback: ApplicationName? = nil) throws -> RequestRouter {
    let digest = BundleDigest(rawValue: String(repeating: "a", count: 64))!
    let deployed = DeployedRoutes([
        application("deployed"): DeploymentSpec(
            revision: digest, kind: .executable(entry: "a"), scale: .perHost(1), constraints: [:],
            route: try Route(pathPrefix: "/shop"))
    ])
    let rules = [
        RouteRule(try RouteMatch(host: "*.example", pathPrefix: "/shop"), .application(application("own"))),
        RouteRule(
            try RouteMatch(
                pathPrefix: "/shop", conditions: [HeaderCondition(name: "X-Version", .equals("2"))]),
            .application(application("second"))),
        RouteRule(
            try RouteMatch(host: "old.example"),
            .redirect(try RedirectTarget("https://{host}/new/{uri}"), status: 301)),
    ]
    return RequestRouter(rules: rules, deployed: deployed, default: fallback)
}

private let requests: [(request: String, host: String, destination: RequestRouter.Destination)] = [
    ("GET /shop HTTP/1.1", "a.example:80", .rule(0)),
    ("GET /shop HTTP/1.1", "other", .application(application("deployed"))),
    ("GET /shop/1?x HTTP/1.1\r\nx-version: 2", "other", .rule(1)),
    ("GET /shop/1?x HTTP/1.1\r\nx-version: 22", "other", .application(application("deployed"))),
    ("GET http://old.example/x HTTP/1.1", "other", .rule(2)), ("GET / HTTP/1.1", "other", .nowhere),
    ("OPTIONS * HTTP/1.1", "other", .nowhere),
]

@Test(arguments: requests) func `the file's rules go before the routes of deployments, the default comes last`(
    request: String, host: String, destination: RequestRouter.Destination
) throws {
    let plain = try router()
    #expect(try withRequest(request, host: host) { plain.destination($0, $1) } == destination)
    let fallback = application("rest")
    let whole = try router(fallback)
    let expected = destination == .nowhere ? .application(fallback) : destination
    #expect(try withRequest(request, host: host) { whole.destination($0, $1) } == expected)
}

@Test func `a redirect's location is made of the request`() throws {
    let rules = try router().rules
    let location = try withRequest("GET /a?b=%0D%0AX HTTP/1.1", host: "old.example:8080") {
        rules[2].action.location($0, $1)
    }
    #expect(location.map { String(decoding: $0, as: UTF8.self) } == "https://old.example/new/a?b=%0D%0AX")
    #expect(try withRequest("GET / HTTP/1.1") { rules[0].action.location($0, $1) } == nil)
}

@Test func `a rule's overrides come on top of its application's settings`() throws {
    var settings = ApplicationSettings()
    settings.requestFields.set = [.init(name: "X-Env", value: "prod"), .init(name: "X-A", value: "1")]
    var overrides = RouteOverrides()
    #expect(overrides.applied(to: settings) == settings)
    overrides.hashKey = .source
    overrides.retries = 0
    overrides.responseTimeout = .seconds(5)
    overrides.requestFields.set = [.init(name: "x-env", value: "test")]
    overrides.requestFields.remove = ["x-a"]
    let merged = overrides.applied(to: settings)
    #expect(merged.hashKey == .source && merged.retries == 0 && merged.responseTimeout == .seconds(5))
    #expect(merged.requestFields.set == [.init(name: "x-env", value: "test")])
    #expect(merged.requestFields.remove == ["x-a"])
    #expect(merged.connectTimeout == settings.connectTimeout)
}

@Test(arguments: [
    ("", "10.0.0.9"), ("X-Forwarded-For: 1.2.3.4", "1.2.3.4"), ("X-Forwarded-For: 6.6.6.6, 1.2.3.4", "1.2.3.4"),
    ("X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
    ("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4,10.0.0.2", "1.2.3.4"),
    ("X-Forwarded-For: 10.0.0.1, 10.0.0.2", "10.0.0.1"), ("X-Forwarded-For: 6.6.6.6, junk, 10.0.0.2", "10.0.0.2"),
    ("X-Forwarded-For: [fe00::1]:80", "fe00::1"), ("X-Forwarded-For: 1.2.3.4:99", "1.2.3.4"),
    ("X-Forwarded-For: 1.2.3.4,", "10.0.0.9"),
]) func `the client is the last hop that no trusted proxy is, and nobody else is believed`(
    field: String, client: String
) throws {
    var policy = ForwardedPolicy()
    let request = "GET / HTTP/1.1" + (field.isEmpty ? "" : "\r\n" + field)
    let (proxy, stranger) = (SocketAddress("10.0.0.9", port: 1), SocketAddress("11.0.0.9", port: 1))
    #expect(try withRequest(request) { policy.client(of: $0, $1, peer: proxy)?.hostText } == "10.0.0.9")
    policy.trusted = [try #require(IPNetwork("10.0.0.0/8"))]
    #expect(try withRequest(request) { policy.client(of: $0, $1, peer: proxy)?.hostText } == client)
    #expect(try withRequest(request) { policy.client(of: $0, $1, peer: stranger)?.hostText } == "11.0.0.9")
}
