import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

@Test func `checks fall and rise only after so many in a row`() {
    var settings = HealthCheckSettings()
    (settings.failuresToFall, settings.passesToRise) = (3, 2)
    var record = HealthCheckRecord(settings)
    func note(_ isPassed: Bool) -> Bool { record.note(isPassed: isPassed) }
    #expect([false, false, true, false, false].map(note) == [false, false, false, false, false])
    #expect(note(false) && !record.isPassed)
    #expect([true, false, true].map(note) == [false, false, false])
    #expect(note(true) && record.isPassed)
}

private func quickChecks(_ path: String?) -> (inout BalancerSettings) -> Void {
    {
        var check = HealthCheckSettings(path: path)
        (check.interval, check.timeout) = (.milliseconds(50), .seconds(20))
        (check.failuresToFall, check.passesToRise) = (2, 2)
        $0.application.healthCheck = check
        $0.loops = 2
    }
}

@Test func `a worker that fails its checks gets no requests until it passes them again`() async throws {
    try await withBalancer(quickChecks("/health")) { fixture in
        let client = try fixture.client()
        let path = try fixture.path(ownedBy: fixture.workers[0])
        #expect(try client.get(path).text == "worker-0")
        fixture.workers[0].mood.withLock { $0 = .fails }
        try await eventually("its keys go elsewhere") { try ["worker-1", "worker-2"].contains(client.get(path).text) }
        let check = { fixture.workers[0].seen.withLock { $0.first { $0.target == "/health" } } }
        try await eventually("it is checked") { check() != nil }
        #expect(check()?.method == "GET" && check()?.values("Host") == [fixture.workers[0].address.description])
        fixture.workers[0].mood.withLock { $0 = .answers }
        try await eventually("it has its keys again") { try client.get(path).text == "worker-0" }
    }
}

@Test func `without a path, checks look whether a connection is taken`() async throws {
    try await withBalancer(quickChecks(nil)) { fixture in
        let path = try fixture.path(ownedBy: fixture.workers[0])
        await fixture.workers[0].kill()
        let again = { try fixture.get(path).text }
        try await eventually("its keys go elsewhere") { try ["worker-1", "worker-2"].contains(again()) }
        try await eventually("requests need no second try any more") {
            let before = await fixture.balancer.counters.retries
            for _ in 0..<5 { _ = try again() }
            return await fixture.balancer.counters.retries == before
        }
    }
}

@Test func `checks that all fail keep nobody from being asked`() async throws {
    try await withBalancer(quickChecks("/status/404")) { fixture in
        try await eventually("all were checked") {
            for worker in fixture.workers where await worker.requestCount < 3 { return false }
            return true
        }
        let client = try fixture.client()
        let names = try Set((0..<60).map { try client.get("/\($0)").text })
        #expect(names.count == 3)
    }
}
