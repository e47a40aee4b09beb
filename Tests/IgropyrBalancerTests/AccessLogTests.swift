import Foundation
import IgropyrInsight
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

/// A line of the JSON format.
private struct Line: Decodable {
    var status: Int
    var bytes: Int
    var received: Int?
    var duration: Double?
    var wait: Double?
    var firstByte: Double?
    var tries: Int?
    var method: String?
    var target: String?
    var application: String?
    var worker: String?
    var upstream: String?
    var failure: String?
    var trace: String?
    var id: String?
}

extension TemporaryFolder {
    /// Those that are whole: the last may be being written.
    private func lines(_ name: String = "log") throws -> [String] {
        try read(name).split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    fileprivate func json() throws -> [Line] {
        try lines().map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }

    /// The JSON lines once there are as many.
    fileprivate func json(count: Int) async throws -> [Line] {
        try await eventually("\(count) lines are written") { try json().count >= count }
        return try json()
    }
}

/// A balancer that logs to a file called `log`.
private func withLog(
    _ format: AccessLog.Format = .json, workers: Int = 3, _ change: (inout BalancerSettings) -> Void = { _ in },
    _ body: (Fixture, TemporaryFolder) async throws -> Void
) async throws {
    let folder = try TemporaryFolder()
    let log = AccessLog(format, to: .file("\(folder.path)/log"))
    try await withBalancer(
        workers: workers,
        {
            $0.insight.accessLog = log; change(&$0)
        }
    ) { fixture in
        try await body(fixture, folder)
    }
}

@Suite(.timeLimit(.minutes(5))) struct AccessLogTests {
    @Test func `a line says who answered, after how many tries, and what took how long`() async throws {
        try await withLog { fixture, folder in
            let path = try fixture.path(ownedBy: fixture.workers[1], below: "/count")
            let client = try fixture.client()
            let response = try client.exchange(
                "POST \(path)?q=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nX-Request-ID: id-1\r\n\r\nabc")
            let line = try #require(try await folder.json(count: 1).first)
            #expect(line.status == 200 && line.received == 3 && line.tries == 1)
            #expect(line.bytes == response.body.count)
            #expect(line.method == "POST" && line.target == "\(path)?q=1" && line.id == "id-1")
            let address = fixture.workers[1].address.description
            #expect(line.application == "upstream" && line.worker == address && line.upstream == address)
            #expect(line.failure == nil)
            let (duration, wait, firstByte) = try (
                #require(line.duration), #require(line.wait), #require(line.firstByte)
            )
            #expect(wait > 0 && firstByte > 0 && wait + firstByte <= duration && duration < 60)
        }
    }

    @Test(arguments: [AccessLog.Format.common, .combined])
    func `the common formats have the usual fields first, and no client can forge a line`(
        format: AccessLog.Format
    ) async throws {
        try await withLog(format, workers: 1) { fixture, folder in
            let agent = "User-Agent: a \"b\" failure=\"x\"\r\n"
            _ = try fixture.client().get("/a", agent)
            try await eventually("it is written") { try folder.read("log").hasSuffix("\n") }
            let line = try folder.read("log").dropLast()
                .replacing(/\[[0-9]{2}\/[A-Z][a-z]{2}\/20[0-9]{2}(:[0-9]{2}){3} \+0000\]/, with: "[time]")
                .replacing(/(duration|wait|firstByte)=[0-9]+\.[0-9]{6}/) { "\($0.output.1)=0" }
            let address = fixture.workers[0].address
            let fields = format == .combined ? #" "-" "a \"b\" failure=\"x\"""# : ""
            let expected =
                #"127.0.0.1 - - [time] "GET /a HTTP/1.1" 200 8\#(fields) received=0 duration=0 wait=0 firstByte=0 "#
                + #"tries=1 application="upstream" worker="\#(address)" upstream="\#(address)""#
            #expect(line == expected)
        }
    }

    @Test func `a request that went well at the second try has no failure`() async throws {
        try await withLog { fixture, folder in
            let path = try fixture.path(ownedBy: fixture.workers[0])
            await fixture.workers[0].kill()
            #expect(try fixture.get(path).status == 200)
            let line = try await folder.json(count: 1)[0]
            #expect(line.tries == 2 && line.failure == nil && line.status == 200)
            #expect(line.upstream != fixture.workers[0].address.description)
        }
    }

    @Test func `refused connections are told`() async throws {
        try await withLog(workers: 1) { fixture, folder in
            await fixture.workers[0].kill()
            #expect(try fixture.get("/a").status == 502)
            let line = try await folder.json(count: 1)[0]
            #expect(line.status == 502 && line.failure == "connect-refused" && line.tries == 1)
            #expect(line.wait == nil && line.firstByte == nil)
            #expect(line.bytes == "the application did not answer as it should\n".utf8.count)
        }
    }

    @Test func `a worker that does not answer in time is told`() async throws {
        try await withLog(workers: 1, { $0.application.responseTimeout = .seconds(2) }) { fixture, folder in
            fixture.workers[0].mood.withLock { $0 = .hangs }
            #expect(try fixture.get("/a").status == 504)
            let line = try await folder.json(count: 1)[0]
            #expect(line.failure == "response-timeout" && line.wait != nil && line.firstByte == nil)
        }
    }

    @Test func `a request that waited in vain for a worker is told`() async throws {
        try await withLog(workers: 0, { $0.holdTime = .milliseconds(100) }) { fixture, folder in
            #expect(try fixture.get("/a").status == 503)
            let line = try await folder.json(count: 1)[0]
            #expect(line.failure == "no-worker" && line.tries == 0 && line.application == "upstream")
            #expect(try #require(line.duration) >= 0.09)
        }
    }

    @Test func `a retry that the budget forbids is told`() async throws {
        let change: (inout BalancerSettings) -> Void = {
            ($0.retryBudget.burst, $0.retryBudget.perSecond, $0.retryBudget.share) = (0, 0, 0)
        }
        try await withLog(.json, workers: 3, change) { fixture, folder in
            let path = try fixture.path(ownedBy: fixture.workers[0])
            await fixture.workers[0].kill()
            #expect(try fixture.get(path).status == 502)
            #expect(try await folder.json(count: 1)[0].failure == "over-budget")
        }
    }

    @Test func `a response that ends too early is told, with what came of it`() async throws {
        try await withLog(workers: 1) { fixture, folder in
            #expect(try !fixture.get("/cut").isWhole)
            let line = try await folder.json(count: 1)[0]
            #expect(line.status == 200 && line.failure == "truncated" && line.bytes == 5)
        }
    }

    @Test func `a client that goes away before its response is 499`() async throws {
        try await withLog(workers: 1) { fixture, folder in
            fixture.workers[0].mood.withLock { $0 = .hangs }
            do {
                let client = try fixture.client()
                try client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
                try await eventually("it is there") { await fixture.workers[0].requestCount == 1 }
                client.resetAtEnd()
            }
            let line = try await folder.json(count: 1)[0]
            #expect(line.status == 499 && line.failure == "client-abort")
        }
    }

    @Test func `a request that stops in its middle is 408, and the worker's is taken back`() async throws {
        // In which a starved machine has the request at the worker.
        try await withLog(workers: 1, { $0.server.progressTimeout = .seconds(2) }) { fixture, folder in
            let answer = try fixture.exchange("POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
            #expect(answer.status == 408)
            let line = try await folder.json(count: 1)[0]
            #expect(line.status == 408 && line.failure == "protocol-error")
            let worker = fixture.workers[0]
            try await eventually("the worker hears of it") { worker.aborts.withLock { $0 } == 1 }
        }
    }

    @Test func `what is no request leaves a line, too`() async throws {
        try await withLog(workers: 1) { fixture, folder in
            #expect(try fixture.exchange("GET / HTTP/1.1\r\nHost : a\r\n\r\n").status == 400)
            #expect(try fixture.exchange("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n").status == 501)
            let lines = try await folder.json(count: 2)
            #expect(lines.map(\.failure) == ["protocol-error", "not-implemented"])
            #expect(lines.map(\.status) == [400, 501])
        }
    }

    @Test func `a file that was moved away is left alone once the log is opened anew`() async throws {
        try await withLog(workers: 1) { fixture, folder in
            _ = try fixture.get("/before")
            _ = try await folder.json(count: 1)
            try FileManager.default.moveItem(atPath: "\(folder.path)/log", toPath: "\(folder.path)/old")
            fixture.balancer.reopenAccessLog()
            try await eventually("it is opened anew") { (try? folder.read("log")) == "" }
            _ = try fixture.get("/after")
            #expect(try await folder.json(count: 1)[0].target == "/after")
            #expect(try !folder.read("old").contains("/after"))
        }
    }

    @Test func `lines that the disk does not take are counted, and requests go on`() async throws {
        let change: (inout BalancerSettings) -> Void = { $0.insight.accessLog = AccessLog(to: .file("/dev/full")) }
        try await withBalancer(workers: 1, change) { fixture in
            for _ in 0..<3 { #expect(try fixture.get("/a").status == 200) }
            try await eventually("they are counted") { fixture.balancer.droppedAccessLogLines == 3 }
        }
    }

    @Test func `a trace and an id that a client sends go on, and stand in the line`() async throws {
        let change: (inout BalancerSettings) -> Void = {
            ($0.insight.startsTraces, $0.insight.addsRequestIDs) = (true, true)
        }
        try await withLog(.json, workers: 1, change) { fixture, folder in
            let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
            _ = try fixture.client().get("/a", "traceparent: \(parent)\r\ntracestate: a=b\r\nX-Request-ID: my\r\n")
            let seen = try #require(fixture.workers[0].seen.withLock { $0.first })
            #expect(seen.values("traceparent") == [parent] && seen.values("tracestate") == ["a=b"])
            #expect(seen.values("X-Request-ID") == ["my"])
            let line = try await folder.json(count: 1)[0]
            #expect(line.trace == "4bf92f3577b34da6a3ce929d0e0e4736" && line.id == "my")
        }
    }

    @Test func `a request without a trace or with a malformed one begins a new trace, if that is wanted`() async throws
    {
        let change: (inout BalancerSettings) -> Void = {
            ($0.insight.startsTraces, $0.insight.addsRequestIDs) = (true, true)
        }
        try await withLog(.json, workers: 1, change) { fixture, folder in
            let client = try fixture.client()
            _ = try client.get("/a")
            let ids = "X-Request-ID:\r\nX_Request_ID: b\r\n"
            _ = try client.get("/a", "traceparent: 00-nonsense\r\ntracestate: a=b\r\n\(ids)")
            let lines = try await folder.json(count: 2)
            let seen = fixture.workers[0].seen.withLock { $0 }
            for (request, line) in zip(seen, lines) {
                let parents = request.values("traceparent")
                #expect(parents.count == 1 && request.values("tracestate") == [])
                #expect(try #require(parents.first).hasPrefix("00-\(try #require(line.trace))-"))
                #expect(request.values("X-Request-ID") == [try #require(line.id)])
                #expect(request.values("X_Request_ID") == [], "it passes for that in CGI's variables")
            }
            #expect(lines[0].trace != lines[1].trace && lines[0].id != lines[1].id)
        }
    }

    @Test func `nothing is added unless that is wanted`() async throws {
        try await withBalancer(workers: 1) { fixture in
            _ = try fixture.client().get("/a", "traceparent: 00-nonsense\r\n")
            let seen = try #require(fixture.workers[0].seen.withLock { $0.first })
            #expect(seen.values("traceparent") == ["00-nonsense"] && seen.values("X-Request-ID") == [])
        }
    }

    @Test func `a log that cannot be opened fails the start, and so does an admin address that is taken`() async throws
    {
        var settings = BalancerSettings(listen: .loopback(port: 0))
        settings.insight.accessLog = AccessLog(to: .file("/nowhere/log"))
        let error = await #expect(throws: InsightFailure.self) { try await Balancer.start(settings) }
        #expect(error?.description.hasPrefix("the access log /nowhere/log cannot be written: ") == true)
        let taken = try ListeningSocket.open(.loopback(port: 0))
        defer { Descriptor.close(taken) }
        settings.insight.accessLog = nil
        settings.insight.admin = ListeningSocket.localAddress(of: taken)
        let other = await #expect(throws: InsightFailure.self) { try await Balancer.start(settings) }
        #expect(other?.description.hasPrefix("the admin address 127.0.0.1:") == true)
    }
}
