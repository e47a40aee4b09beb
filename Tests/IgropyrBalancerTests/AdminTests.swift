import Foundation
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

/// A balancer that is asked at its admin address.
private func withAdmin(
    workers: Int = 2, _ change: (inout BalancerSettings) -> Void = { _ in },
    _ body: (Fixture, RawClient) async throws -> Void
) async throws {
    try await withBalancer(
        workers: workers,
        {
            $0.insight.admin = .loopback(port: 0); change(&$0)
        }
    ) { fixture in
        try await body(fixture, try RawClient(to: try #require(fixture.balancer.adminAddress)))
    }
}

extension RawClient {
    /// The lines of a scrape.
    fileprivate func scrape() throws -> Set<String> {
        let answer = try get("/metrics")
        #expect(answer.status == 200)
        #expect(answer.values("Content-Type") == ["text/plain; version=0.0.4; charset=utf-8"])
        return Set(answer.text.split(separator: "\n").map(String.init))
    }
}

/// What `/workers` answers.
private struct Answer: Decodable {
    struct Application: Decodable {
        var name: String
        var inFlight: Int
        var workers: [Worker]
    }
    struct Worker: Decodable {
        var id: String
        var host: String
        var address: String
        var state: String
        var weight: Double
        var inFlight: Int
        var share: Double
    }
    var applications: [Application]
}

@Suite(.timeLimit(.minutes(5))) struct AdminTests {
    @Test func `a stranger with many connections leaves room for who watches`() async throws {
        try await withBalancer(workers: 1, { $0.insight.admin = .loopback(port: 0) }) { fixture in
            let address = try #require(fixture.balancer.adminAddress)
            let stranger = freshAddress()
            let sockets = try (0..<64).map { _ in try BlockingSocket(from: stranger, to: address) }
            #expect(try RawClient(to: address).get("/health").status == 200)
            var byte: UInt8 = 0
            let result = recv(sockets[0].descriptor, &byte, 1, Int32(MSG_DONTWAIT))
            #expect(result == -1 && errno == EAGAIN, "one that is let in stays until its time is over")
        }
    }

    @Test func `requests are measured by application and by worker`() async throws {
        try await withAdmin { fixture, admin in
            let first = fixture.workers[0]
            let client = try fixture.client()
            for _ in 0..<3 { #expect(try client.get(try fixture.path(ownedBy: first)).status == 200) }
            #expect(try client.get("/status/404").status == 404)
            let lines = try admin.scrape()
            let total = [
                "igropyr_balancer_requests_total 4", "igropyr_balancer_connections 1",
                #"igropyr_balancer_workers{application="upstream"} 2"#,
                #"igropyr_balancer_application_responses_total{application="upstream",status="2xx"} 3"#,
                #"igropyr_balancer_application_responses_total{application="upstream",status="4xx"} 1"#,
                #"igropyr_balancer_application_duration_seconds_count{application="upstream"} 4"#,
                #"igropyr_balancer_application_first_byte_seconds_bucket{application="upstream",le="+Inf"} 4"#,
                #"igropyr_balancer_application_requests_in_flight{application="upstream"} 0"#,
            ]
            for line in total { #expect(lines.contains(line), "\(line)") }
            let ofFirst = #"{application="upstream",worker="\#(first.address)""#
            for line in [
                #"igropyr_balancer_worker_requests_in_flight\#(ofFirst)} 0"#,
                #"igropyr_balancer_worker_avoided\#(ofFirst)} 0"#,
            ] { #expect(lines.contains(line), "\(line)") }
            let counts: [Int] = lines.compactMap { line in
                guard line.hasPrefix("igropyr_balancer_worker_duration_seconds_count") else { return nil }
                return line.split(separator: " ").last.flatMap { Int($0) }
            }
            #expect(counts.count == 2)
            #expect(counts.reduce(0, +) == 4)
        }
    }

    @Test func `each sample belongs to a family with a type and a help`() async throws {
        try await withAdmin { fixture, admin in
            _ = try fixture.get("/a")
            var (type, helped, seen) = ("", "", Set<String>())
            for line in try admin.get("/metrics").text.split(separator: "\n") {
                let words = line.split(separator: " ").map(String.init)
                if line.hasPrefix("# HELP ") {
                    helped = words[2]
                    #expect(seen.insert(helped).inserted, "\(helped) comes twice")
                } else if line.hasPrefix("# TYPE ") {
                    type = words[2]
                    #expect(type == helped && ["counter", "gauge", "histogram"].contains(words[3]))
                    #expect((words[3] == "counter") == type.hasSuffix("_total"))
                } else {
                    #expect(words[0].hasPrefix(type) && Double(words[words.count - 1]) != nil, "\(line)")
                }
            }
            #expect(seen.count > 20)
        }
    }

    @Test func `connections that end without an answer are counted`() async throws {
        let authority = try await TestAuthority()
        let files = try await authority.issue("a", for: ["DNS:a.example"])
        try await withAdmin(workers: 1, { $0.connectionsPerClient = 1 }) { fixture, admin in
            let first = try fixture.client()
            #expect(try first.get("/").status == 200)
            #expect(try fixture.client().readToEnd() == "", "its second connection")
            #expect(try admin.scrape().contains("igropyr_balancer_connections_refused_total 1"))
        }
        try await withAdmin(
            workers: 1, { $0.listeners[0].proxyProtocol = .required(from: [IPNetwork("127.0.0.0/8")!]) }
        ) { fixture, admin in
            let client = try fixture.client()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readToEnd() == "", "the header is missing")
            #expect(try admin.scrape().contains("igropyr_balancer_connections_refused_total 1"))
        }
        try await withAdmin(
            workers: 1,
            {
                $0.listeners[0].tls = TLSConfiguration(
                    certificates: [.init(chainFile: files.chain, keyFile: files.key)])
            }
        ) { fixture, admin in
            let client = try fixture.client()
            try client.send(String(repeating: "\0", count: 16))
            _ = try client.readToEnd()
            #expect(try admin.scrape().contains("igropyr_balancer_failed_handshakes_total 1"))
        }
    }

    @Test func `what goes wrong is counted by its reason, and retries at the worker that failed`() async throws {
        try await withAdmin { fixture, admin in
            let path = try fixture.path(ownedBy: fixture.workers[0])
            await fixture.workers[0].kill()
            #expect(try fixture.get(path).status == 200)
            let lines = try admin.scrape()
            let worker = #"{application="upstream",worker="\#(fixture.workers[0].address)""#
            for line in [
                #"igropyr_balancer_worker_failures_total\#(worker),reason="connect-refused"} 1"#,
                #"igropyr_balancer_worker_retries_total\#(worker)} 1"#,
                #"igropyr_balancer_worker_avoided\#(worker)} 1"#, "igropyr_balancer_retries_total 1",
                #"igropyr_balancer_application_retries_total{application="upstream"} 1"#,
            ] { #expect(lines.contains(line), "\(line)") }
            let workers = try JSONDecoder().decode(Answer.self, from: Data(try admin.get("/workers").body))
            let avoided = workers.applications[0].workers.filter { $0.state == "avoided" }.map(\.address)
            #expect(avoided == ["\(fixture.workers[0].address)"])
        }
    }

    @Test func `requests under way are in flight at their application and worker, on all loops together`() async throws
    {
        try await withAdmin(workers: 1, { $0.loops = 2 }) { fixture, admin in
            fixture.workers[0].mood.withLock { $0 = .hangs }
            var clients = try (0..<6).map { _ in try fixture.client() }
            for client in clients { try client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n") }
            try await eventually("all are there") { await fixture.workers[0].requestCount == 6 }
            let answer = try JSONDecoder().decode(Answer.self, from: Data(try admin.get("/workers").body))
            #expect(answer.applications.map(\.inFlight) == [6])
            #expect(answer.applications[0].workers.map(\.inFlight) == [6])
            #expect(
                try admin.scrape().contains(
                    #"igropyr_balancer_application_requests_in_flight{application="upstream"} 6"#))
            for client in clients { client.resetAtEnd() }
            clients = []
            try await eventually("all are gone") {
                try admin.scrape().contains(
                    #"igropyr_balancer_application_requests_in_flight{application="upstream"} 0"#)
            }
            #expect(
                try admin.scrape().contains(
                    #"igropyr_balancer_application_failures_total{application="upstream",reason="client-abort"} 6"#))
        }
    }

    @Test func `a worker that left keeps its series for a while, but is no worker any more`() async throws {
        try await withAdmin { fixture, admin in
            _ = try fixture.get(try fixture.path(ownedBy: fixture.workers[0]))
            fixture.use([fixture.workers[1].address])
            let lines = try admin.scrape()
            let label = #"{application="upstream",worker="\#(fixture.workers[0].address)""#
            #expect(lines.contains(#"igropyr_balancer_worker_responses_total\#(label),status="2xx"} 1"#))
            #expect(lines.contains(#"igropyr_balancer_workers{application="upstream"} 1"#))
            #expect(!lines.contains { $0.hasPrefix(#"igropyr_balancer_worker_avoided\#(label)"#) })
        }
    }

    @Test func `the workers are told with their parts of the slots`() async throws {
        try await withAdmin { fixture, admin in
            let response = try admin.get("/workers")
            #expect(response.values("Content-Type") == ["application/json"])
            let answer = try JSONDecoder().decode(Answer.self, from: Data(response.body))
            let workers = try #require(answer.applications.first).workers
            #expect(workers.map(\.address) == fixture.workers.map { "\($0.address)" }.sorted())
            #expect(abs(workers.map(\.share).reduce(0, +) - 1) < 1e-9)
            #expect(workers.allSatisfy { $0.state == "up" && $0.weight == 1 && abs($0.share - 0.5) < 0.01 })

            let addresses = fixture.workers.map(\.address)
            let rules = TrafficRules.fixed([.init(addresses[0], weight: 3), .init(addresses[1])])
            fixture.balancer.update(
                UpstreamSnapshot(nil, rules: rules) { _, id in id == addresses[1].description ? 1 : nil })
            let later = try JSONDecoder().decode(Answer.self, from: Data(try admin.get("/workers").body))
            let weights = try #require(later.applications.first).workers.map { ($0.address, $0.weight) }
            #expect(
                Dictionary(uniqueKeysWithValues: weights) == [
                    addresses[0].description: 3, addresses[1].description: 0.25,
                ], "as was asked for, and a quarter of that for a newcomer")
        }
    }

    @Test func `health is good while there are workers, and bad while the balancer drains`() async throws {
        try await withAdmin(workers: 1) { fixture, admin in
            var answer = try admin.get("/health")
            #expect(answer.status == 200 && answer.text == "{\"status\":\"serving\"}\n")
            fixture.use([])
            answer = try admin.get("/health")
            #expect(answer.status == 503 && answer.text == "{\"status\":\"no workers\"}\n")
            fixture.use(fixture.workers.map(\.address))
            fixture.workers[0].mood.withLock { $0 = .hangs }
            var client: RawClient? = try fixture.client()
            try client?.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
            try await eventually("it is there") { await fixture.workers[0].requestCount == 1 }
            let balancer = fixture.balancer
            async let stopped: Void = balancer.stop(timeout: .seconds(30))
            try await eventually("it drains") { try admin.get("/health").status == 503 }
            #expect(try admin.get("/health").text == "{\"status\":\"draining\"}\n")
            #expect(try admin.scrape().contains("igropyr_balancer_requests_total 1"))
            client?.resetAtEnd()
            client = nil
            try await stopped
        }
    }

    @Test func `before the first snapshot health is bad`() async throws {
        try await withBalancer(workers: 1, knowsWorkers: false, { $0.insight.admin = .loopback(port: 0) }) { fixture in
            let admin = try RawClient(to: try #require(fixture.balancer.adminAddress))
            #expect(try admin.get("/health").status == 503)
            #expect(try admin.get("/workers").text == "{\"applications\":[]}\n")
        }
    }

    @Test func `a request's way is explained before it is made`() async throws {
        try await withAdmin(workers: 3) { fixture, admin in
            let path = try fixture.path(ownedBy: fixture.workers[1])
            let question = "/explain?url=http%3A%2F%2Fshop.example\(path)%3Fa%3Db&header=X-User%3A+7"
            let answer = try admin.get(question)
            #expect(answer.status == 200)
            let first = try #require(answer.text.firstRange(of: "\"choices\":[{\"address\":\""))
            #expect(answer.text[first.upperBound...].hasPrefix(fixture.workers[1].address.description))
            #expect(answer.text.contains("\"key\":\"path\"") && answer.text.contains("\"application\":\"upstream\""))
            #expect(try fixture.get(path).text == "worker-1")
            #expect(try admin.get("/explain").status == 400)
            #expect(try admin.get("/explain?url=/a&header=X%0d%0aY").status == 400)
            #expect(try admin.get("/explain?url=/a&source=nobody").status == 400)
        }
    }

    @Test(arguments: [
        ("url=/a%20b", "the URL has a blank"), ("url=/caf%C3%A9", "the URL has a blank"),
        ("url=http:///a", "the URL's host is none"), ("url=http://a:b/", "the URL's host is none"),
        ("url=/&header=Host:+x", "the host stands in the URL"), ("url=/&method=", "no such method"),
        ("url=/&method=G+T", "no such method"), ("url=/&method=(", "no such method"),
        ("url=/&header=x", "NAME: VALUE"), ("url=/&header=", "NAME: VALUE"), ("url=/&header=a+:b", "NAME: VALUE"),
        ("url=/&header=a:%01", "NAME: VALUE"),
    ]) func `a question that is no request is answered in words of the question`(
        question: String, words: String
    )
        async throws
    {
        try await withAdmin(workers: 0) { _, admin in
            let answer = try admin.get("/explain?\(question)")
            #expect(answer.status == 400 && answer.text.contains(words), "\(answer.text)")
        }
    }

    @Test func `what is not there is 404, and other methods are not taken`() async throws {
        try await withAdmin(workers: 0) { _, admin in
            #expect(try admin.get("/").status == 404)
            #expect(try admin.get("/METRICS").status == 404)
            let answer = try admin.exchange("POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            #expect(answer.status == 405 && answer.values("Allow") == ["GET, HEAD"])
            #expect(try admin.exchange("HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
        }
    }

    @Test func `without an admin address nothing is measured`() async throws {
        try await withBalancer(workers: 1) { fixture in
            _ = try fixture.get("/a")
            #expect(fixture.balancer.adminAddress == nil)
            let report = try #require(await fixture.balancer.report(within: .seconds(60)))
            #expect(report.applications.isEmpty && report.counters.requests == 1)
        }
    }
}
