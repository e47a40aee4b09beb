import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

private func request(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n" }

@Test func `requests for one key that its worker has no share for are answered by others`() async throws {
    try await withBalancer { fixture in
        let path = try fixture.path(ownedBy: fixture.workers[0])
        for worker in fixture.workers { worker.mood.withLock { $0 = .hangs } }
        let clients = try (0..<30).map { _ in try fixture.client() }
        for client in clients { try client.send(request(path)) }
        try await eventually("all are there") {
            var total = 0
            for worker in fixture.workers { total += await worker.requestCount }
            return total == 30
        }
        for worker in fixture.workers { #expect(await (1...13).contains(worker.requestCount)) }  // 1.25 times 10.
    }
}

@Test func `a request for which no worker has room waits for one`() async throws {
    try await withBalancer(workers: 2, { ($0.application.requestsPerWorker, $0.holdTime) = (2, .seconds(60)) }) {
        fixture in
        // Bodies that are not there yet keep the workers busy.
        let first = try (0..<4).map { _ in try fixture.client() }
        for client in first { try client.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n") }
        try await eventually("all are there") {
            var total = 0
            for worker in fixture.workers { total += await worker.requestCount }
            return total == 4
        }
        let waiting = try (0..<3).map { _ in try fixture.client() }
        for client in waiting { try client.send(request("/a")) }
        try await eventually("they wait") { await fixture.balancer.counters.held == 3 }
        try first[0].send("abc")
        #expect(try first[0].readResponse().text.hasPrefix("3 "))
        for client in waiting { #expect(try client.readResponse().status == 200) }
    }
}

@Test func `a worker that answers badly again and again is left alone until it does better`() async throws {
    try await withBalancer { fixture in
        let client = try fixture.client()
        let path = try fixture.path(ownedBy: fixture.workers[0])
        fixture.workers[0].mood.withLock { $0 = .fails }
        var answers = try (0..<5).map { _ in try client.get(path).status }
        #expect(answers == [503, 503, 503, 503, 503])
        answers = try (0..<20).map { _ in try client.get(path).status }
        #expect(answers.count { $0 == 503 } <= 3)  // One trial a second at most, at ever longer intervals.
        fixture.workers[0].mood.withLock { $0 = .answers }
        try await eventually("it has its keys again") { try client.get(path).text == "worker-0" }
    }
}
