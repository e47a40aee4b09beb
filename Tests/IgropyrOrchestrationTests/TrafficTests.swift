import IgropyrOrchestration
import Testing

private let table = DeployedRoutes([
    "web": spec(), "api": spec(route: route("/api")),
    "apiv2": spec(route: route("/api/v2")),
    "shop": spec(route: route(host: "shop.example")),
    "cart": spec(route: route("/cart", host: "shop.example")),
    "only": spec(route: route("/x", host: "only.example")),
    "six": spec(route: route("/", host: "[::1]")),
])

private let requests: [(host: String?, path: String, expected: ApplicationName)] = [
    (nil, "/", "web"), (nil, "/other", "web"), ("any.example", "/", "web"), (nil, "*", "web"), (nil, "", "web"),
    (nil, "/api", "api"), (nil, "/api/", "api"), (nil, "/api/users", "api"), (nil, "/apis", "web"),
    (nil, "/API", "web"),
    (nil, "/api/v2", "apiv2"), (nil, "/api/v2/x", "apiv2"), (nil, "/api/v20", "api"),
    (nil, "/api?x=/y", "api"), (nil, "/?/api", "web"), (nil, "/api%2Fv2", "web"),
    ("shop.example", "/", "shop"), ("SHOP.example", "/api", "shop"), ("shop.example:8080", "/cart/1", "cart"),
    ("shop.example:", "/", "shop"), ("shop.example:80x", "/", "web"), ("shop.exampl", "/", "web"),
    ("shop.example.", "/", "shop"), ("shop.example.:8080", "/cart/1", "cart"), (".", "/", "web"),
    ("only.example", "/x", "only"), ("only.example", "/y", "web"), ("only.example", "/api", "api"),
    ("[::1]", "/", "six"), ("[::1]:80", "/", "six"), ("::1", "/", "web"), ("", "/", "web"), (":", "/", "web"),
]

@Test(arguments: requests) func `an exact host goes before any host, then the longest prefix wins`(
    host: String?, path: String, expected: ApplicationName
) {
    #expect(table.application(host: host, path: path) == expected)
}

@Test func `a path that no application has is answered by none`() throws {
    let table = DeployedRoutes(["api": spec(route: try Route(pathPrefix: "/api"))])
    #expect(table.application(host: nil, path: "/") == nil)
    #expect(table.application(host: nil, path: "*") == nil)
    #expect(DeployedRoutes([:]).application(host: "a", path: "/") == nil)
}

@Test func `of two applications with one route the first by name gets the requests, and that is said`() {
    let table = DeployedRoutes(["b": spec(), "a": spec(), "c": spec()])
    #expect(table.application(host: nil, path: "/") == "a")
    #expect(table.shadowed == ["b": "a", "c": "a"])
}

@Test func `many host names are all found`() throws {
    let names = (0..<200).map { ApplicationName(rawValue: "app-\($0)")! }
    let table = DeployedRoutes(
        Dictionary(uniqueKeysWithValues: try names.map { ($0, spec(route: try Route(host: "\($0).example"))) }))
    for name in names { #expect(table.application(host: "\(name).Example:443", path: "/a") == name) }
}

private func view(_ records: [HostRecord], alive: Set<HostName>, removed: [ApplicationName] = []) throws -> ClusterView
{
    var (state, clock) = (ReplicatedState(), HybridClock(host: "me"))
    _ = try state.deploy("x", spec("b"), at: day, clock: &clock)
    _ = try state.deploy("y", spec(route: Route(pathPrefix: "/y")), at: day, clock: &clock)
    for name in removed { _ = try state.remove(name, at: day, clock: &clock) }
    let change = state.apply(StateDelta(hosts: records), at: day, clock: &clock)
    #expect(change.refusals.isEmpty)
    return ClusterView(state, alive: alive)
}

@Test func `endpoints are the ready workers of deployed applications on alive hosts`() throws {
    let records = [
        record("b", workers: [worker("x", 1, port: 2), worker("x", 0, port: 1), worker("gone")]),
        record("a", workers: WorkerRecord.State.allCases.enumerated().map { worker("x", $0, state: $1) }),
        record("dead", workers: [worker("x")]),
    ]
    let view = try view(records, alive: ["a", "b", "unheard-of"])
    #expect(view.endpoints["x"]?.map(\.slot.id) == ["x/a/1", "x/b/0", "x/b/1"])
    #expect(view.endpoints["x"]?.last?.port == 2)
    #expect(view.endpoints["y"] == [])
    #expect(Set(view.endpoints.keys) == ["x", "y"])
    #expect(view.ring(of: "x").members.map(\.id) == ["x/a/1", "x/b/0", "x/b/1"])
    #expect(view.ring(of: "none").isEmpty)
}

@Test func `a removed application has no route and no endpoint`() throws {
    let view = try view([record("a", workers: [worker("x")])], alive: ["a"], removed: ["x"])
    #expect(view.endpoints["x"] == nil && view.routes.application(host: nil, path: "/") == nil)
}

@Test func `of two workers in one slot the deployed revision is taken, whatever their order`() throws {
    let pair = [worker("x", revision: "a", port: 1), worker("x", revision: "b", port: 2)]
    for workers in [pair, pair.reversed()] {
        #expect(try view([record("a", workers: workers)], alive: ["a"]).endpoints["x"]?.map(\.port) == [2])
    }
    let equal = [worker("x", revision: "b", port: 4), worker("x", revision: "b", port: 3)]
    for workers in [equal, equal.reversed()] {
        #expect(try view([record("a", workers: workers)], alive: ["a"]).endpoints["x"]?.map(\.port) == [3])
    }
}

@Test func `a bundle's holders are the alive hosts that have it`() {
    var (state, clock) = (ReplicatedState(), HybridClock(host: "me"))
    var records = (["c", "a", "b", "d"] as [HostName]).map { record($0) }
    for index in 0..<3 { records[index].bundles = [.of("a")] }
    _ = state.apply(StateDelta(hosts: records), at: day, clock: &clock)
    #expect(state.holders(of: .of("a"), alive: ["a", "c", "d"]).map(\.name) == ["a", "c"])
}
