import IgropyrTime
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

private func request(_ method: String, _ path: String, body: String = "") -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

@Test(arguments: ["GET", "POST"]) func `a request that a worker refuses to take goes to another`(
    method: String
)
    async throws
{
    try await withBalancer { fixture in
        await fixture.workers[0].kill()
        let path = try fixture.path(ownedBy: fixture.workers[0])
        let client = try fixture.client()
        let begin = ContinuousClock.now
        let names = try Set((0..<20).map { _ in try client.exchange(request(method, path, body: "abc")).text })
        #expect(names.count == 1 && !names.contains("worker-0"))  // The slot's own next choice.
        let seconds = UInt64(begin.duration(to: .now).components.seconds)
        #expect(await (1...1 + seconds).contains(fixture.balancer.counters.retries))  // It is remembered for a second.
    }
}

private let resets: [(method: String, bodyBytes: Int, status: Int)] = [
    ("GET", 0, 200), ("PUT", 10, 200), ("DELETE", 0, 200), ("POST", 10, 502), ("PATCH", 10, 502), ("BREW", 0, 502),
]

@Test(arguments: resets) func `a request that a worker may have got is repeated only if its method is idempotent`(
    method: String, bodyBytes: Int, status: Int
) async throws {
    try await withBalancer { fixture in
        fixture.workers[0].mood.withLock { $0 = .resets }
        let path = try fixture.path(ownedBy: fixture.workers[0])
        let body = String(repeating: "x", count: bodyBytes)
        #expect(try fixture.exchange(request(method, path, body: body)).status == status)
        #expect(await fixture.workers[0].requestCount == 1)
    }
}

@Test func `what asks for another protocol is repeated by its own method, too`() async throws {
    try await withBalancer { fixture in
        fixture.workers[0].mood.withLock { $0 = .resets }
        let path = try fixture.path(ownedBy: fixture.workers[0])
        let upgrade = "HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"
        #expect(try fixture.exchange("POST \(path) \(upgrade)").status == 502)
        #expect(await fixture.workers[0].requestCount == 1)
    }
}

@Test func `a body is repeated whole, however it came`() async throws {
    try await withBalancer { fixture in
        fixture.workers[0].mood.withLock { $0 = .hangs }
        let path = try fixture.path(ownedBy: fixture.workers[0], below: "/count")
        let client = try fixture.client()
        try client.send("PUT \(path) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        try await eventually("the first part is there") { fixture.workers[0].receivedBytes.withLock { $0 } == 3 }
        fixture.balancer.workerFailed(at: fixture.workers[0].address)
        try client.send("3\r\ndef\r\n0\r\n\r\n")
        #expect(try client.readResponse().text.hasPrefix("6 "))
    }
}

@Test func `a body too long to be kept is sent once`() async throws {
    try await withBalancer({ $0.repeatableBodyBytes = 1000 }) { fixture in
        let path = try fixture.path(ownedBy: fixture.workers[0])
        fixture.workers[0].mood.withLock { $0 = .hangs }
        let client = try fixture.client()
        try client.send(request("PUT", path, body: String(repeating: "x", count: 200_000)))
        try await eventually("it is there") { fixture.workers[0].receivedBytes.withLock { $0 } == 200_000 }
        fixture.balancer.workerFailed(at: fixture.workers[0].address)
        #expect(try client.readResponse().status == 502)
    }
}

@Test func `a host that fails has its requests repeated elsewhere at once`() async throws {
    try await withBalancer({ $0.application.loadBound = nil }) { fixture in
        fixture.workers[0].mood.withLock { $0 = .hangs }
        let path = try fixture.path(ownedBy: fixture.workers[0])
        let clients = try (0..<10).map { _ in try fixture.client() }
        for client in clients { try client.send(request("GET", path)) }
        try await eventually("all are there") { await fixture.workers[0].requestCount == 10 }
        fixture.use(fixture.workers.dropFirst().map(\.address))
        fixture.balancer.hostFailed("127.0.0.1")
        for client in clients {
            let answer = try client.readResponse()
            #expect(answer.status == 200 && answer.text != "worker-0")
        }
    }
}

@Test func `a worker that is back in the snapshot gets its keys at once`() async throws {
    try await withBalancer { fixture in
        let path = try fixture.path(ownedBy: fixture.workers[0])
        let address = fixture.workers[0].address
        await fixture.workers[0].kill()
        let client = try fixture.client()
        #expect(try client.get(path).text != "worker-0")  // It refused, and that is remembered.
        fixture.use(fixture.workers.dropFirst().map(\.address))
        let again = try TestWorker("again", on: address.hostText, port: address.port)
        try await again.start()
        fixture.use(fixture.workers.map(\.address))
        _ = await fixture.balancer.counters
        #expect(try client.get(path).text == "again")
        try await again.stop()
    }
}

@Test func `a snapshot without a worker lets its requests finish`() async throws {
    try await withBalancer { fixture in
        let path = "/count"
        let client = try fixture.client()
        try client.send("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
        try await eventually("it is there") {
            for worker in fixture.workers where await worker.requestCount == 1 { return true }
            return false
        }
        fixture.use([])
        try client.send("abc")
        #expect(try client.readResponse().text.hasPrefix("3 "))
    }
}

@Test func `a worker that does not answer in time is a 504 and is not asked twice`() async throws {
    try await withBalancer({ $0.application.responseTimeout = .seconds(2) }) { fixture async throws in
        for worker in fixture.workers { worker.mood.withLock { $0 = .hangs } }
        #expect(try fixture.get("/a").status == 504)
        var total = 0
        for worker in fixture.workers { total += await worker.requestCount }
        #expect(total == 1)
    }
}

@Test func `resting connections that a worker closes cost no request`() async throws {
    try await withBalancer(workers: 1) { fixture in
        let client = try fixture.client()
        for round in 0..<20 {
            fixture.workers[0].mood.withLock { $0 = .answers }
            #expect(try client.get("/a").status == 200)
            // The connection was used before: a reset of the second request is taken for its closing, once.
            fixture.workers[0].mood.withLock { $0 = .resets }
            let seen = await fixture.workers[0].requestCount
            try client.send(request("GET", "/\(round)"))
            try await eventually("it is there") { await fixture.workers[0].requestCount > seen }
            #expect(try client.readResponse().status == 502)  // The fresh connection was reset, too; there is no other.
        }
        let counters = await fixture.balancer.counters
        #expect(counters.staleConnections == 20 && counters.retries == 0)
    }
}

@Test func `a resting connection that its worker closes is replaced by another worker's, at no cost`() async throws {
    try await withBalancer { fixture in
        let path = try fixture.path(ownedBy: fixture.workers[0])
        let client = try fixture.client()
        #expect(try client.get(path).text == "worker-0")
        fixture.workers[0].mood.withLock { $0 = .resets }
        let answer = try client.get(path)
        #expect(answer.status == 200 && answer.text != "worker-0")
        fixture.workers[0].mood.withLock { $0 = .answers }
        #expect(try client.get(path).text == "worker-0")
        let counters = await fixture.balancer.counters
        #expect(counters.staleConnections == 1 && counters.retries == 0)
    }
}

@Test func `resting connections that all workers close at once cost no request either`() async throws {
    try await withBalancer(workers: 2) { fixture in
        let client = try fixture.client()
        let path = try fixture.path(ownedBy: fixture.workers[0])
        for worker in fixture.workers { #expect(try client.get(fixture.path(ownedBy: worker)).status == 200) }
        for worker in fixture.workers { worker.mood.withLock { $0 = .resetsReused } }
        #expect(try client.get(path).text == "worker-1")
        let counters = await fixture.balancer.counters
        #expect(counters.staleConnections == 1 && counters.retries == 0)
    }
}

@Test func `a host that does not answer at all costs one request its connect timeout`() async throws {
    let deaf = try DeafHost(on: "127.0.0.9")
    try await withBalancer(workers: 2, { $0.application.connectTimeout = .milliseconds(250) }) { fixture in
        fixture.use(fixture.workers.map(\.address) + [deaf.address])
        _ = await fixture.balancer.counters
        let client = try fixture.client()
        let begin = ContinuousClock.now
        for key in 0..<60 { #expect(try client.get("/key/\(key)").status == 200) }
        let seconds = UInt64(begin.duration(to: .now).components.seconds)
        let counters = await fixture.balancer.counters
        #expect((1...(5 + seconds)).contains(counters.retries))  // One a second, as the address is tried again.
    }
}

@Test func `without workers a request waits, then is answered 503`() async throws {
    try await withBalancer(workers: 0, { $0.holdTime = .milliseconds(100) }) { fixture in
        let answer = try fixture.get("/a")
        #expect(answer.status == 503 && answer.values("Retry-After") == ["1"])
        #expect(await fixture.balancer.counters.held == 1)
    }
}

@Test func `a request that waits is sent when a worker comes, with its body`() async throws {
    try await withBalancer(workers: 1, knowsWorkers: false, { $0.holdTime = .seconds(20) }) { fixture in
        let client = try fixture.client()
        let body = String(repeating: "x", count: 120_000)
        async let sent: Void = { try client.send(request("POST", "/count", body: body)) }()
        try await eventually("it waits") { await fixture.balancer.counters.held == 1 }
        fixture.use([])
        fixture.use(fixture.workers.map(\.address))
        try await sent
        #expect(try client.readResponse().text.hasPrefix("120000 "))
    }
}

@Test func `only so many requests wait`() async throws {
    try await withBalancer(workers: 0, { ($0.application.waitingRequests, $0.holdTime) = (2, .seconds(20)) }) {
        fixture in
        let waiting = try (0..<2).map { _ in try fixture.client() }
        for client in waiting { try client.send(request("GET", "/a")) }
        try await eventually("both wait") { await fixture.balancer.counters.held == 2 }
        #expect(try fixture.get("/a").status == 503)
    }
}

@Test func `retries stop when their budget is used up`() async throws {
    let change: (inout BalancerSettings) -> Void = {
        $0.retryBudget.burst = 2
        $0.retryBudget.perSecond = 0
        $0.retryBudget.share = 0
    }
    try await withBalancer(change) { fixture in
        fixture.workers[0].mood.withLock { $0 = .resets }
        let path = try fixture.path(ownedBy: fixture.workers[0])
        let statuses = try (0..<4).map { _ in try fixture.get(path).status }
        #expect(statuses == [200, 200, 502, 502])
        #expect(await fixture.balancer.counters.retriesOverBudget == 2)
    }
}

@Test func `a budget fills by requests and by time, up to its burst`() {
    var settings = RetryBudget.Settings()
    (settings.share, settings.perSecond, settings.burst) = (0.5, 2, 3)
    var budget = RetryBudget(settings, at: .zero)
    func retries(at time: Timestamp) -> Int {
        var count = 0
        while budget.takeRetry(at: time) { count += 1 }
        return count
    }
    #expect(retries(at: .zero) == 3)
    for _ in 0..<4 { budget.noteRequest() }
    #expect(retries(at: .zero) == 2)
    #expect(retries(at: .milliseconds(500)) == 1)
    #expect(retries(at: .seconds(60)) == 3)
    #expect(retries(at: .seconds(30)) == 0)  // A clock that goes back gives nothing.
}
