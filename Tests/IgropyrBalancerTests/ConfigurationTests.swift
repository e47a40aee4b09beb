import IgropyrCoding
import IgropyrConfiguration
import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV
import Testing

@testable import IgropyrBalancer

private func read(_ text: String) throws(ConfigurationError) -> BalancerConfiguration {
    try BalancerConfiguration(Array(text.utf8), file: "b.yaml")
}

private func issues(_ text: String) -> [String] {
    do {
        _ = try read(text)
        return []
    } catch {
        return error.description.split(separator: "\n").map(String.init)
    }
}

private func name(_ text: String) -> ApplicationName { ApplicationName(rawValue: text)! }

private let whole = """
    listen:
      - {address: 0.0.0.0:80, redirect-to-https: true}
      - address: "[::]:443"
        tls: {certificate: /etc/tls/chain.pem, key: /etc/tls/key.pem, client-authority: ca.pem}
        http2: false
        proxy-protocol: [10.0.0.0/8]
      - :8080
    loops: 4
    applications:
      shop:
        upstreams: [10.0.0.5:8080, {address: "[fd00::1]:8080", weight: 2}]
        balance: maglev
        hash: cookie-set:session
        bound: off
        slow-start: 1m
        retries: 1
        connect-timeout: 100ms
        response-timeout: 10s
        failures-in-row: 3
        panic-threshold: 0.3
        tls: {verify: true, authority: ca.pem, name: workers.example}
        http2: true
        proxy-protocol: v2
        health: {path: /health, host: a, interval: 5s, timeout: 500ms, healthy: 1, unhealthy: 2, status: 200-299}
        limits: {per-worker: 20, pending: 30, in-flight: 40}
        buffer-requests: 1MiB
        compress: {codings: [br, gzip], minimum: 10, types: ["text/*", "*+json"], streams: 3}
        request-headers: {set: {X-Env: prod}, remove: [X-Debug]}
        response-headers: {set: {X-A: 1}, add: {X-B: "2"}, remove: [Server]}
      blog: {balance: random-two, compress: true}
    routes:
      - {host: "*.example.org", path: /api/, headers: {X-Version: 2, X-Debug: {present: false}}, application: shop,
         hash: "header:X-User", response-timeout: 5s, retries: 0, request-headers: {set: {X-Env: api}}}
      - {host: old.example.org, redirect: "https://example.org/{path}", status: 301}
      - {path: /wiki, application: wiki, buffer-requests: off, compress: false}
    default: blog
    forwarded: {for: trust, trust: [10.0.0.0/8, "fd00::/8"], rfc7239: true}
    limits: {connections: 5000, connections-per-client: 100, requests-per-second: 50.5, request-burst: 20, body: 10MiB,
      head: 16KiB, requests-per-connection: 100, head-timeout: 5s, idle-timeout: 60s, progress-timeout: 20s}
    retry-budget: {share: 0.1, per-second: 5, burst: 100}
    hold-time: 3s
    repeatable-body: 32KiB
    drain-timeout: 10s
    access-log: {file: /var/log/access.log, format: json}
    """

@Test func `every key of the file is read`() throws {
    let file = try read(whole)
    #expect(file.listeners.map(\.address.description) == ["0.0.0.0:80", "[::]:443", "0.0.0.0:8080"])
    #expect(file.listeners.map(\.redirectsToHTTPSPort) == [443, nil, nil])
    #expect(file.listeners.map(\.allowsHTTP2) == [true, false, true])
    var tls = TLSConfiguration(
        certificates: [.init(chainFile: "/etc/tls/chain.pem", keyFile: "/etc/tls/key.pem")])
    tls.clientCertificates = .required(caFile: "ca.pem")
    #expect(file.listeners[1].tls == tls)
    #expect(file.listeners[1].proxyProtocolPeers.map(\.description) == ["10.0.0.0/8"])
    #expect(file.loops == 4)
    #expect(file.defaultApplication == name("blog"))
    #expect(file.forwarded.mode == .trust && file.forwarded.trusted.count == 2 && file.forwarded.writesStandardField)
    #expect(file.accessLog?.format == .json && file.accessLog?.destination == .file("/var/log/access.log"))
    #expect(file.drainTimeout == .seconds(10))
    #expect(file.clusterApplications == [name("blog"), name("wiki")])
    #expect(file.unreachableApplications.isEmpty)
    #expect(file.limits.connectionsPerClient == 100 && file.limits.requestsPerSecond == 50.5)
    #expect(file.limits.requestBurst == 20 && file.limits.bodyBytes == 10 << 20)
    var settings = BalancerSettings(listen: .loopback(port: 0))
    file.apply(to: &settings)
    #expect(settings.server.connections == 5000 && settings.server.limits.headBytes == 16 << 10)
    #expect(settings.server.requestsPerConnection == 100 && settings.server.headTimeout == .seconds(5))
    #expect(settings.server.idleTimeout == .seconds(60) && settings.server.progressTimeout == .seconds(20))
    #expect(
        settings.retryBudget.share == 0.1 && settings.retryBudget.perSecond == 5 && settings.retryBudget.burst == 100)
    #expect(settings.holdTime == .seconds(3) && settings.repeatableBodyBytes == 32 << 10)
}

@Test func `changes that hold from the next start on are told by their keys`() throws {
    let file = try read(whole)
    #expect(
        file.fixedKeys(differingFrom: BalancerConfiguration()) == [
            "listen", "loops", "forwarded", "limits", "retry-budget", "hold-time", "repeatable-body", "drain-timeout",
            "access-log",
        ])
    var other = file
    (other.applications, other.routes, other.defaultApplication) = ([:], [], nil)
    #expect(file.fixedKeys(differingFrom: other).isEmpty)
    other.listeners[1].tls?.certificates[0] = .files(chain: "/etc/tls/chain.pem", key: "/etc/tls/new.pem")
    #expect(file.fixedKeys(differingFrom: other) == ["listen"])
}

@Test func `every key of an application is read`() throws {
    let shop = try #require(try read(whole).applications[name("shop")])
    #expect(shop.upstreams?.map(\.address.description) == ["10.0.0.5:8080", "[fd00::1]:8080"])
    #expect(shop.upstreams?.map(\.weight) == [1, 2])
    var expected = ApplicationSettings()
    expected.keyTable = .maglev
    expected.hashKey = .assignedCookie("session")
    expected.loadBound = nil
    expected.slowStart = .seconds(60)
    expected.retries = 1
    expected.connectTimeout = .milliseconds(100)
    expected.responseTimeout = .seconds(10)
    expected.failuresInRow = 3
    expected.panicThreshold = 0.3
    var health = HealthCheckSettings(path: "/health")
    health.host = "a"
    health.interval = .seconds(5)
    health.timeout = .milliseconds(500)
    health.passesToRise = 1
    health.failuresToFall = 2
    health.statuses = 200...299
    expected.healthCheck = health
    expected.requestsPerWorker = 20
    expected.waitingRequests = 30
    expected.requestsInFlight = 40
    expected.bufferedBodyBytes = 1 << 20
    var compression = Compression()
    compression.codings = [.brotli, .gzip]
    compression.minimumBytes = 10
    compression.types = ["text/*", "*+json"]
    compression.streams = 3
    expected.compression = compression
    expected.requestFields.set = [.init(name: "X-Env", value: "prod")]
    expected.requestFields.remove = ["X-Debug"]
    expected.responseFields.set = [.init(name: "X-A", value: "1")]
    expected.responseFields.add = [.init(name: "X-B", value: "2")]
    expected.responseFields.remove = ["Server"]
    #expect(shop.settings == expected)
    var connection = UpstreamConnection()
    connection.tls = UpstreamConnection.TLS()
    connection.tls?.authorityFile = "ca.pem"
    connection.tls?.serverName = "workers.example"
    connection.proxyProtocol = .v2
    connection.isHTTP2 = true
    #expect(shop.connection == connection)
    let blog = try read(whole).applications[name("blog")]?.settings
    #expect(blog?.policy == .randomTwo && blog?.compression == Compression())
}

@Test func `every key of a route is read`() throws {
    let routes = try read(whole).routes
    var api = RouteRule(
        try RouteMatch(
            host: "*.example.org", pathPrefix: "/api",
            conditions: [HeaderCondition(name: "x-debug", .isAbsent), HeaderCondition(name: "x-version", .equals("2"))]),
        .application(name("shop")))
    api.overrides.hashKey = .header("X-User")
    api.overrides.responseTimeout = .seconds(5)
    api.overrides.retries = 0
    api.overrides.requestFields.set = [.init(name: "X-Env", value: "api")]
    #expect(routes[0] == api)
    #expect(routes[1].match == (try RouteMatch(host: "old.example.org")))
    #expect(routes[1].action == .redirect(try RedirectTarget("https://example.org/{path}"), status: 301))
    #expect(routes[2].action == .application(name("wiki")))
    let wiki = routes[2].overrides.applied(to: try #require(try read(whole).applications[name("shop")]).settings)
    #expect(wiki.bufferedBodyBytes == 0 && wiki.compression == nil)
}

@Test func `an empty file is a balancer with its defaults`() throws {
    let file = try read("")
    #expect(file.listeners == [ListenerSettings(address: NetworkAddress(host: "127.0.0.1", port: 8080))])
    #expect(file.applications.isEmpty && file.routes.isEmpty && file.accessLog == nil)
    var settings = BalancerSettings(listen: .loopback(port: 0))
    let before = settings
    file.apply(to: &settings)
    #expect("\(settings)" == "\(before)")
    #expect(try read("applications: {a: {}}").applications[name("a")]?.connection == UpstreamConnection())
    let plain = "applications: {a: {tls: false, proxy-protocol: off}}"
    #expect(try read(plain).applications[name("a")]?.connection == UpstreamConnection())
    let encrypted = try read("applications: {a: {tls: true}}").applications[name("a")]?.connection
    #expect(encrypted?.tls == UpstreamConnection.TLS())
    #expect(try read("applications: {a: {}}").applications[name("a")]?.settings == ApplicationSettings())
}

private let mistakes: [(text: String, issue: String)] = [
    ("listen: 8080", "b.yaml:1:9: listen: found 8080, expected an address with its port"),
    ("listen: {tls: {certificate: a, key: b}}", "b.yaml:1:9: listen: the key \"address\" is missing"),
    (
        "listen: {address: \":443\", tls: {certificate: a}}",
        "b.yaml:1:32: listen.tls: \"certificate\" and \"key\" go together"
    ),
    ("listen: {address: \":443\", tls: {}}", "b.yaml:1:32: listen.tls: found no certificate"),
    (
        "listen: {address: \":443\", tls: {certificate: a, key: b}, redirect-to-https: true}",
        "b.yaml:1:77: listen.redirect-to-https: \"tls\" and \"redirect-to-https\" exclude each other"
    ),
    (
        "listen: {address: \":80\", redirect-to-https: 0}",
        "b.yaml:1:45: listen.redirect-to-https: found 0, expected true, false"
    ),
    (
        "listen: [\":80\", {address: \"0.0.0.0:80\"}]",
        "b.yaml:1:17: listen[1]: 0.0.0.0:80 is there twice, first in line 1"
    ),
    (
        "listen: {address: \":80\", proxy-protocol: [10.0.0.1/8]}",
        "b.yaml:1:43: listen.proxy-protocol[0]: found 10.0.0.1/8"
    ),
    ("applications: {Shop: {}}", "b.yaml:1:16: applications.Shop: found Shop, expected an application name"),
    ("applications: {a: {upstreams: []}}", "b.yaml:1:31: applications.a.upstreams: found 0 elements"),
    (
        "applications: {a: {upstreams: [\"h:1\", {address: \"h:1\", weight: 3}]}}",
        "b.yaml:1:31: applications.a.upstreams: h:1 is there twice"
    ),
    (
        "applications: {a: {upstreams: [{address: \"h:1\", weight: 0}]}}",
        "b.yaml:1:57: applications.a.upstreams[0].weight: found 0, expected a whole number from 1 to 1000"
    ),
    (
        "applications: {a: {balance: hasch}}",
        "b.yaml:1:29: applications.a.balance: found hasch, expected one of hash, maglev"
    ),
    (
        "applications: {a: {tls: {verify: false, authority: b}}}",
        "b.yaml:1:52: applications.a.tls.authority: is of no use with \"verify: false\""
    ),
    (
        "applications: {a: {proxy-protocol: v3}}",
        "b.yaml:1:36: applications.a.proxy-protocol: found v3, expected one of v1, v2"
    ),
    ("applications: {a: {hash: cookie}}", "b.yaml:1:26: applications.a.hash: \"cookie\" is not a hash key"),
    ("applications: {a: {hash: \"\\t\"}}", "b.yaml:1:26: applications.a.hash: \"\\t\" is not a hash key"),
    ("applications: {a: {hash: \"path~^/x\"}}", "b.yaml:1:26: applications.a.hash: \"path~^/x\" is not a hash key"),
    (
        "applications: {a: {balance: least-request, hash: path}}",
        "b.yaml:1:50: applications.a.hash: is of no use where \"balance\" is not by hash"
    ),
    (
        "applications: {a: {bound: 0.9}}",
        "b.yaml:1:27: applications.a.bound: found 0.9, expected a number from 1.0 to 100.0"
    ),
    (
        "applications: {a: {response_timeout: 1s}}",
        "b.yaml:1:20: applications.a: unknown key \"response_timeout\"; did you mean \"response-timeout\"?"
    ),
    (
        "applications: {a: {health: {status: 200}}}",
        "b.yaml:1:37: applications.a.health.status: is of no use without \"path\""
    ),
    (
        "applications: {a: {health: {path: /a, status: 399-200}}}",
        "b.yaml:1:47: applications.a.health.status: found 399-200"
    ),
    ("applications: {a: {health: {path: a}}}", "b.yaml:1:35: applications.a.health.path: found a, expected a path"),
    (
        "applications: {a: {request-headers: {set: {Content-Length: 1}}}}",
        "b.yaml:1:44: applications.a.request-headers.set.Content-Length: found Content-Length, expected the name of a field"
    ),
    (
        "applications: {a: {response-headers: {set: {X: \"a\\r\\nb\"}}}}",
        "b.yaml:1:48: applications.a.response-headers.set.X: found \"a\\r\\nb\", expected a field's value"
    ),
    ("routes: [{path: /a}]", "b.yaml:1:10: routes[0]: found neither, expected \"application\" or \"redirect\""),
    (
        "routes: [{application: a, redirect: \"https://b/\"}]",
        "b.yaml:1:37: routes[0].redirect: \"application\" and \"redirect\" exclude each other"
    ),
    (
        "applications: {a: {balance: random-two}}\nroutes: [{application: a, hash: source}]",
        "b.yaml:2:10: routes[0]: \"hash\" is of no use"
    ),
    ("limits: {request-burst: 5}", "b.yaml:1:25: limits.request-burst: is of no use without \"requests-per-second\""),
    ("routes: [{application: a, status: 301}]", "b.yaml:1:35: routes[0].status: is of no use without \"redirect\""),
    ("routes: [{redirect: \"https://b{path}\"}]", "b.yaml:1:21: routes[0].redirect: the host of a redirect is a name"),
    (
        "routes: [{redirect: \"https://b/\", status: 200}]",
        "b.yaml:1:43: routes[0].status: found 200, expected one of 301"
    ),
    ("routes: [{redirect: \"https://b/\", retries: 1}]", "b.yaml:1:10: routes[0]: a redirect asks no application"),
    ("routes: [{host: \"a:80\", application: a}]", "b.yaml:1:17: routes[0].host: found \"a:80\", expected a host name"),
    ("routes: [{path: /a/../b, application: a}]", "b.yaml:1:17: routes[0].path: found /a/../b, expected a path prefix"),
    (
        "routes: [{application: a, headers: {X: {present: maybe}}}]",
        "b.yaml:1:50: routes[0].headers.X.present: found maybe, expected true or false"
    ),
    (
        "routes:\n- {host: A.b, path: /x, application: a}\n- {host: a.B, path: /x/, application: b}",
        "b.yaml:3:3: routes[1]: matches the same requests as the route in line 2, which goes first"
    ),
    (
        "applications: {a: {compress: {types: [text]}}}",
        "b.yaml:1:39: applications.a.compress.types[0]: found text, expected a media type"
    ),
    (
        "applications: {a: {compress: {codings: [deflate]}}}",
        "b.yaml:1:41: applications.a.compress.codings[0]: found deflate, expected one of zstd"
    ),
    (
        "applications: {a: {buffer-requests: 1GiB}}",
        "b.yaml:1:37: applications.a.buffer-requests: found 1GiB, expected"
    ),
    ("forwarded: {for: trust}", "b.yaml:1:18: forwarded.for: found trust, expected \"trust\" to name the networks"),
    ("default: Blog", "b.yaml:1:10: default: found Blog, expected an application name"),
    ("drain-timeout: 30", "b.yaml:1:16: drain-timeout: found 30, expected a duration from 0 to 1d"),
]

@Test(arguments: mistakes) func `a mistake is told with its place and its remedy`(text: String, issue: String) {
    let found = issues(text)
    #expect(found.count == 1 && found.first?.hasPrefix(issue) == true, "\(found)")
}

@Test func `an application with upstreams that neither a route nor the default leads to is found`() throws {
    let text = """
        applications: {a: {upstreams: ["10.0.0.1:80"]}, b: {upstreams: ["10.0.0.2:80"]}, c: {upstreams: ["10.0.0.3:80"]}, d: {}}
        routes: [{path: /b, application: b}]
        default: c
        """
    let file = try BalancerConfiguration(Array(text.utf8), file: "b.yaml")
    #expect(file.unreachableApplications == [name("a")])
}
