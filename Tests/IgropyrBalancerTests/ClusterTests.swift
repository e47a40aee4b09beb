import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

/// What a cluster offers in which each worker is a host's only one.
private func view(
    _ routes: [String: Route], _ workers: [(application: String, worker: TestWorker)]
) throws
    -> ClusterView
{
    let me = try HostName("me")
    let day = UnixTime(milliseconds: 1_750_000_000_000)
    var (state, clock) = (ReplicatedState(), HybridClock(host: me))
    let revision = try BundleDigest(String(repeating: "a", count: 64))
    for (name, route) in routes {
        let spec = DeploymentSpec(
            revision: revision, kind: .executable(entry: "app"), scale: .perHost(1), constraints: [:], route: route)
        _ = try state.deploy(ApplicationName(name), spec, at: day, clock: &clock)
    }
    let records = try workers.map { application, worker in
        HostRecord(
            name: try HostName(worker.name), version: .init(epoch: 1, counter: 0), address: "127.0.0.1",
            controlPort: 7947, cores: 1,
            workers: [
                WorkerRecord(
                    application: try ApplicationName(application), index: 0, revision: revision,
                    address: worker.address.hostText, port: worker.address.port, state: .ready)
            ])
    }
    _ = state.apply(StateDelta(hosts: records), at: day, clock: &clock)
    return ClusterView(state, alive: Set(records.map(\.name)))
}

@Test func `requests go to the application that their host and path lead to`() async throws {
    try await withBalancer(knowsWorkers: false, { $0.holdTime = .seconds(2) }) { fixture in
        let workers = fixture.workers
        let routes = [
            "api": try Route(pathPrefix: "/api"), "shop": try Route(host: "shop.example"),
            "empty": try Route(pathPrefix: "/empty"),
        ]
        let view = try view(routes, [("api", workers[0]), ("shop", workers[1]), ("shop", workers[2])])
        fixture.balancer.update(UpstreamSnapshot(view, reusing: fixture.balancer.snapshot))
        let client = try fixture.client()
        #expect(try client.get("/api/x").text == "worker-0")
        let shop = try (0..<30).map {
            try client.exchange("GET /\($0) HTTP/1.1\r\nHost: Shop.example:80\r\n\r\n").text
        }
        #expect(Set(shop) == ["worker-1", "worker-2"])
        #expect(try client.get("/empty/x").status == 503)
        let lost = try client.get("/elsewhere")
        #expect(lost.status == 404 && lost.text == "no application is routed here\n")
        #expect(await fixture.balancer.counters.notRouted == 1)
    }
}

@Test func `rings are taken over while the workers stay the same`() async throws {
    let (first, second) = (try TestWorker("a"), try TestWorker("b"))
    let routes = ["x": try Route(pathPrefix: "/x"), "y": try Route(pathPrefix: "/y")]
    let old = UpstreamSnapshot(try view(routes, [("x", first), ("y", second)]))
    let new = UpstreamSnapshot(try view(routes, [("x", first)]), reusing: old)
    func upstreams(_ name: String, _ snapshot: UpstreamSnapshot) -> Upstreams? {
        snapshot.applications.first { $0.name.rawValue == name }
    }
    #expect(upstreams("x", old) === upstreams("x", new))
    #expect(upstreams("y", old) !== upstreams("y", new) && upstreams("y", new)?.members.isEmpty == true)
    for worker in [first, second] {
        try await worker.start()
        try await worker.stop()
    }
}

@Test func `no GET fails while workers come and go and one is killed`() async throws {
    try await withBalancer(workers: 4, { $0.loops = 2 }) { fixture in
        let (balancer, workers) = (fixture.balancer, fixture.workers)
        let failures = Locked<[String]>([])
        let done = Locked(0)
        try await onClients(24) { client, number in
            for index in 0..<80 {
                let path = "/\(number)/\(index)"
                do {
                    let answer = try await client.send(.init(.get, path), to: balancer.address)
                    if answer.status != 200 { failures.withLock { $0.append("\(answer.status)") } }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
                done.withLock { $0 += 1 }
            }
        } meanwhile: {
            for round in 0..<12 {
                let before = done.withLock { $0 }
                balancer.update(.fixed(workers.enumerated().filter { $0.offset != round % 3 }.map(\.element.address)))
                if round == 6 { await workers[3].kill() }  // It stays in the ring, as a dead host does for a while.
                try await eventually("requests go on") {
                    let now = done.withLock { $0 }
                    return now >= before + 60 || now == 24 * 80
                }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(done.withLock { $0 } == 24 * 80)
        let counters = await balancer.counters
        #expect(counters.requests == 24 * 80 && counters.retriesOverBudget == 0)
    }
}

/// Runs `body` on a loop, many at a time, each with a keep-alive client of its own.
private func onClients(
    _ count: Int, _ body: @escaping @Sendable (HTTPRequester, Int) async -> Void,
    meanwhile: () async throws -> Void
) async throws {
    let thread = try EventLoopThread(name: "clients")
    let all = Task(executorPreference: thread.loop) {
        try await withThrowingTaskGroup { group in
            for number in 0..<count {
                group.addTask {
                    let client = try HTTPRequester(on: thread.loop)
                    await body(client, number)
                    client.close()
                }
            }
            try await group.waitForAll()
        }
    }
    try await meanwhile()
    try await all.value
    try await thread.stop()
}
