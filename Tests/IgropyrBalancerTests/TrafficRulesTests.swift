import IgropyrHTTP
import IgropyrMembership
import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

/// A balancer whose rules are those of a configuration file, in which `WORKER-0` and so on stand for workers'
/// addresses.
private func withFile(
    _ text: String, workers count: Int = 3, _ body: (Fixture) async throws -> Void
) async throws {
    try await withBalancer(workers: count, knowsWorkers: false) { fixture in
        let file = try configuration(text, fixture)
        fixture.balancer.update(UpstreamSnapshot(nil, rules: try await rules(of: file)))
        _ = await fixture.balancer.counters  // Comes after the update on each loop.
        try await body(fixture)
    }
}

private func configuration(_ text: String, _ fixture: Fixture) throws -> BalancerConfiguration {
    var text = text
    for (index, worker) in fixture.workers.enumerated() {
        text.replace("WORKER-\(index)", with: worker.address.description)
    }
    return try BalancerConfiguration(Array(text.utf8), file: "balancer.yaml")
}

private func rules(of file: BalancerConfiguration) async throws -> TrafficRules {
    let thread = try EventLoopThread(name: "names")
    let rules = try await Task(executorPreference: thread.loop) { try await file.rules(on: thread.loop) }.value
    try await thread.stop()
    return rules
}

private func get(_ path: String, host: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n"
}

private let shops = """
    applications:
      shop: {upstreams: ["WORKER-0"], response-headers: {set: {X-Shop: "yes"}, remove: [X-Worker]}}
      blog: {upstreams: ["WORKER-1"], request-headers: {set: {X-Env: prod}, remove: [X-Debug]}}
      late: {balance: least-request}
    routes:
      - {host: "*.example.org", path: /api, headers: {X-Version: "2"}, application: blog}
      - {host: "*.example.org", application: shop}
      - {host: old.example, redirect: "https://new.example/{uri}"}
      - {path: /late, application: late}
    default: blog
    """

@Test func `requests go where the file leads them`() async throws {
    try await withFile(shops) { fixture in
        let client = try fixture.client()
        #expect(try client.exchange(get("/api/x", host: "a.example.org", "X-Version: 2\r\n")).text == "worker-1")
        #expect(try client.exchange(get("/api/x", host: "a.example.org")).text == "worker-0")
        #expect(try client.exchange(get("/api/x", host: "b.A.example.org:80")).text == "worker-0")
        #expect(try client.exchange(get("/x", host: "elsewhere")).text == "worker-1")
        let moved = try client.exchange(get("/a/b?c=d", host: "old.example"))
        #expect(moved.status == 308 && moved.values("Location") == ["https://new.example/a/b?c=d"])
        #expect(await fixture.balancer.counters.redirects == 1)
    }
}

@Test func `fields are edited on their way, both ways`() async throws {
    try await withFile(shops) { fixture in
        let answer = try fixture.exchange(get("/", host: "a.example.org"))
        #expect(answer.values("X-Shop") == ["yes"] && answer.values("X-Worker") == [])
        let fields = "X-Debug: 1\r\nx-env: mine\r\nX_Env: mine\r\nx_debug: 1\r\nX-Kept: 1\r\n"
        _ = try fixture.exchange(get("/", host: "x", fields))
        let seen = try #require(fixture.workers[1].seen.withLock { $0.last })
        #expect(seen.values("X_Env") == [] && seen.values("X_Debug") == [], "they pass for others in CGI's variables")
        #expect(seen.values("X-Env") == ["prod"] && seen.values("X-Debug") == [] && seen.values("X-Kept") == ["1"])
    }
}

@Test func `an application that is spoken of and that nobody has yet is waited for`() async throws {
    try await withBalancer(workers: 1, knowsWorkers: false, { $0.holdTime = .milliseconds(100) }) { fixture in
        let file = try configuration("routes: [{path: /late, application: late}]", fixture)
        fixture.balancer.update(UpstreamSnapshot(nil, rules: try await rules(of: file)))
        _ = await fixture.balancer.counters
        #expect(try fixture.get("/late/x").status == 503)
        #expect(try fixture.get("/x").status == 404)
    }
}

@Test func `before the cluster has spoken, what no route matches waits, and fixed workers serve`() async throws {
    try await withBalancer(workers: 2, knowsWorkers: false, { $0.holdTime = .seconds(60) }) { fixture in
        let text = "applications: {shop: {upstreams: [\"WORKER-0\"]}}\nroutes: [{path: /shop, application: shop}]"
        let rules = try await rules(of: try configuration(text, fixture))
        fixture.balancer.update(UpstreamSnapshot(nil, rules: rules, awaitsCluster: true))
        _ = await fixture.balancer.counters
        #expect(try fixture.get("/shop/x").text == "worker-0")
        let early = try fixture.client()
        try early.send(get("/blog", host: "a"))
        try await eventually("it waits") { await fixture.balancer.counters.held == 1 }
        var all = rules
        all.fixedWorkers[try ApplicationName("blog")] = [.init(fixture.workers[1].address)]
        all.defaultApplication = try ApplicationName("blog")
        fixture.balancer.update(UpstreamSnapshot(nil, rules: all))
        #expect(try early.readResponse().text == "worker-1")
    }
}

@Test func `what the file redirects, a balancer that has found no cluster does, too`() async throws {
    try await onLoop { loop in
        let text = "routes: [{path: /old, redirect: \"https://a.test/\"}]"
        var settings = BalancerSettings(listen: .loopback(port: 0))
        settings.rules = try await BalancerConfiguration(Array(text.utf8), file: "balancer.yaml").rules(on: loop)
        settings.holdTime = .zero
        var member = MembershipConfiguration(name: "entrance", bind: .loopback(port: 0))
        member.settings = .local
        member.logger.logLevel = .critical
        let balancer = ClusterBalancer(settings, member: member, key: nil, on: loop)
        try await balancer.start()
        let address = try #require(await balancer.address)
        let statuses = try await loop.offload {
            try ["/old", "/"].map { try RawClient(to: address).get($0).status }
        }
        #expect(statuses == [308, 503])
        try await balancer.stop(timeout: .zero)
    }
}

@Test func `what a route does not override is as the balancer has it`() throws {
    var defaults = ApplicationSettings()
    (defaults.retries, defaults.hashKey) = (7, .uri)
    let text = "routes: [{path: /a, application: a, retries: 1}, {path: /b, application: b}]"
    var rules = TrafficRules()
    rules.routes = try BalancerConfiguration(Array(text.utf8), file: "balancer.yaml").routes
    let snapshot = UpstreamSnapshot(nil, rules: rules, defaults: defaults)
    try withRequest("GET /a HTTP/1.1") { head, bytes in
        guard case .application(_, let settings) = snapshot.destination(head, bytes) else { throw IncompleteRequest() }
        #expect(settings.values.retries == 1 && settings.values.hashKey == .uri)
    }
}

@Test func `a client without the cookie gets one, and stays with its worker`() async throws {
    let text = """
        applications: {shop: {upstreams: ["WORKER-0", "WORKER-1", "WORKER-2"], hash: "cookie-set:sid"}}
        default: shop
        """
    try await withFile(text) { fixture in
        let client = try fixture.client()
        var names: Set<String> = []
        for index in 0..<40 {
            let first = try client.exchange(get("/\(index)", host: "a"))
            names.insert(first.text)
            let cookie = try #require(first.values("Set-Cookie").first?.split(separator: ";").first)
            #expect(cookie.hasPrefix("sid="))
            for path in ["/a", "/b"] {
                let again = try client.exchange(get(path, host: "a", "Cookie: \(cookie)\r\n"))
                #expect(again.text == first.text && again.values("Set-Cookie") == [])
            }
        }
        #expect(names.count == 3)
    }
}

@Test func `weights of fixed workers share the keys out`() async throws {
    let text = """
        applications: {shop: {upstreams: [{address: "WORKER-0", weight: 9}, "WORKER-1"]}}
        default: shop
        """
    try await withFile(text) { fixture in
        let client = try fixture.client()
        let answers = try (0..<200).map { try client.get("/\($0)").text }
        #expect((1...50).contains(answers.count { $0 == "worker-1" }))
    }
}

@Test func `a client that asks too often is told how long to wait`() async throws {
    try await withBalancer({ $0.requestRate = .init(requestsPerSecond: 0.01, burst: 3) }) { fixture in
        let answers = try (0..<5).map { try fixture.get("/\($0)") }  // Whatever the connection.
        #expect(answers.map(\.status) == [200, 200, 200, 429, 429])
        #expect(try #require(answers.last?.values("Retry-After").first.flatMap { Int($0) }) <= 100)
        #expect(await fixture.balancer.counters.overRate == 2)
    }
}

@Test(arguments: [
    "Content-Length: 11\r\n\r\nhello world", "Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
])
func `a body larger than allowed is refused, however it is framed`(rest: String) async throws {
    try await withBalancer({ $0.bodyBytes = 10 }) { fixture async throws in
        #expect(try fixture.exchange("POST /count HTTP/1.1\r\nHost: a\r\n\(rest)").status == 413)
        #expect(try fixture.exchange("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").status == 200)
    }
}

private let spoofed = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nForwarded: for=6.6.6.6\r\n"
private let policies: [(ForwardedPolicy.Mode, trusted: String?, hops: String, proto: String, forwarded: Int)] = [
    (.append, nil, "6.6.6.6, 127.0.0.1", "http", 0),
    (.replace, nil, "127.0.0.1", "http", 0),
    (.trust, nil, "127.0.0.1", "http", 0),
    (.trust, "127.0.0.0/8", "6.6.6.6", "https", 1),
]

@Test(arguments: policies) func `workers are told of a client what may be believed`(
    mode: ForwardedPolicy.Mode, trusted: String?, hops: String, proto: String, forwarded: Int
) async throws {
    try await withBalancer(
        workers: 1,
        {
            $0.forwarded.mode = mode
            if let trusted, let network = IPNetwork(trusted) { $0.forwarded.trusted = [network] }
        }
    ) { fixture in
        _ = try fixture.exchange(get("/", host: "a", spoofed))
        let seen = try #require(fixture.workers[0].seen.withLock { $0.last })
        #expect(seen.values("X-Forwarded-For") == [hops] && seen.values("X-Forwarded-Proto") == [proto])
        #expect(seen.values("Forwarded").count == forwarded && seen.values("X-Forwarded-Host") == ["a"])
    }
}

@Test func `a client of IPv4 is told as such where the socket is for both`() async throws {
    let both = SocketAddress(host: .v6(0, 0, zone: 0), port: 0)
    try await withBalancer(workers: 1, { $0.listeners = [BalancerListener(.address(both))] }) { fixture in
        _ = try RawClient(to: .loopback(port: fixture.balancer.address.port)).get("/")
        let seen = try #require(fixture.workers[0].seen.withLock { $0.last })
        #expect(seen.values("X-Forwarded-For") == ["127.0.0.1"])
    }
}

@Test func `plain HTTP is sent to HTTPS, where certificates can be renewed`() async throws {
    let authority = try await TestAuthority()
    let (chain, key) = try await authority.issue("front", for: ["DNS:localhost"])
    var plain = BalancerListener(.address(.loopback(port: 0)))
    plain.redirectsToHTTPSPort = 8443
    var secure = BalancerListener(.address(.loopback(port: 0)))
    secure.tls = TLSConfiguration(certificates: [.init(chainFile: chain, keyFile: key)])
    let listeners = [plain, secure]
    try await withBalancer({ $0.listeners = listeners }) { fixture in
        let answer = try fixture.exchange(get("/a?b=c", host: "localhost:80"))
        #expect(answer.status == 308 && answer.values("Location") == ["https://localhost:8443/a?b=c"])
        func ask() async throws -> String {
            let url = "https://localhost:\(fixture.balancer.addresses[1].port)/x"
            return try await run(["curl", "--silent", "--cacert", authority.file, url]).output
        }
        #expect(try await ask().hasPrefix("worker-"))
        try fixture.balancer.reloadCertificates()
        #expect(try await ask().hasPrefix("worker-"))
    }
}

@Test func `a certificate that clients will refuse is told of by a check, at the start and when it is read anew`()
    async throws
{
    let authority = try await TestAuthority()
    let (chain, key) = try await authority.issue("old", for: ["DNS:localhost"], days: 0)
    let tls = "{certificate: \(chain), key: \(key)}"
    let text = "listen: {address: \"127.0.0.1:443\", tls: \(tls)}\n"
    let file = try BalancerConfiguration(Array(text.utf8), file: "old.yaml")
    var warnings: [TLSWarning] = []
    try file.checkFiles { warnings.append($0) }
    let expired = warnings.filter { if case .expired(chain, _) = $0 { true } else { false } }
    #expect(expired.count == 1 && warnings.count == 1, "\(warnings)")
    let log = KeptLog()
    var listener = BalancerListener(.address(.loopback(port: 0)))
    listener.tls = TLSConfiguration(certificates: [.init(chainFile: chain, keyFile: key)])
    let listeners = [listener]
    try await withBalancer(workers: 1) {
        ($0.listeners, $0.insight.logger) = (listeners, log.logger)
    } _: { fixture in
        #expect(log.count(of: "a certificate needs attention") == 1)
        try fixture.balancer.reloadCertificates()
        #expect(log.count(of: "a certificate needs attention") == 2)
    }
}
