import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

/// What workers of three makes see of what odd clients send to the balancer: docs/differential.md says so, too.
@Suite(.timeLimit(.minutes(5))) struct DifferentialTests {
    @Test func `workers of every make see what the node would take, and the same`() async throws {
        let exceptions = try Self.exceptions()
        let requests = try OddRequest.all()
        try await withWitnesses { stages in
            for odd in requests {
                let seen = try await Self.seen(of: odd.bytes, by: stages)
                for (maker, requests) in seen {
                    if let expected = exceptions[odd.name]?[maker] {
                        #expect(Self.text(requests) == expected, "\(odd.name), \(maker)")
                    } else {
                        let expected = Self.requestsTaken(odd.verdicts["Igropyr"] ?? "")
                        #expect(requests.count == expected, "\(odd.name), \(maker): \(Self.text(requests))")
                        #expect(requests == seen[0].requests, "\(odd.name), \(maker): \(Self.text(requests))")
                    }
                }
            }
        }
    }

    @Test func `what proxies are tried with reaches workers as docs/differential.md says`() async throws {
        let exceptions = try Self.exceptions()
        let rows = try Self.proxyRows()
        #expect(rows.count > 20)
        try await withWitnesses { stages in
            for row in rows {
                let name = row["request to a proxy"] ?? ""
                let bytes = OddRequest.bytes(ofCell: row["bytes"] ?? "")
                for (maker, requests) in try await Self.seen(of: bytes, by: stages) {
                    let expected = exceptions[name]?[maker] ?? row["workers see"]
                    #expect(Self.text(requests) == expected, "\(name), \(maker)")
                }
            }
        }
    }

    @Test func `every exception is one of a request that is tried`() throws {
        let names = try Set(OddRequest.all().map(\.name) + Self.proxyRows().compactMap { $0["request to a proxy"] })
        for name in try Self.exceptions().keys { #expect(names.contains(name), "no request is called \(name)") }
    }

    private static func proxyRows() throws -> [[String: String]] {
        try DocumentTable.rows(of: "docs/differential.md", headed: "request to a proxy")
    }

    /// What workers see of some requests, by the names of both.
    private static func exceptions() throws -> [String: [String: String]] {
        let head = "through the balancer"
        let rows = try DocumentTable.rows(of: "docs/differential.md", headed: head)
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[head] ?? "", $0) })
    }

    /// How many requests a server has taken that gave these answers: all, but for one that ended the connection.
    private static func requestsTaken(_ verdict: String) -> Int {
        let codes = verdict.split(separator: " ")
        let isRefused = codes.last.map { $0.first != "2" && $0 != "405" } ?? false
        return codes.count - (isRefused ? 1 : 0)
    }

    /// `none`, or each request in back quotes.
    private static func text(_ requests: [SeenRequest]) -> String {
        requests.isEmpty ? "none" : requests.map { "`\($0)`" }.joined(separator: ", ")
    }

    /// Sends the bytes, a plain request and the end through each balancer. What its worker has answered of that.
    private static func seen(
        of bytes: [UInt8], by stages: [Stage]
    ) async throws -> [(name: String, requests: [SeenRequest])] {
        let end = Array("GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
        var result: [(String, [SeenRequest])] = []
        for stage in stages {
            let before = stage.witness.seen.count
            _ = try #require(try WireExchange.answer(of: .address(stage.balancer.address), to: bytes + end))
            // nginx writes its record some time after its answer: two requests later it is there.
            let marks = (1...2).map { "/mark-\(before)-\($0)" }
            for mark in marks {
                let last = Array("GET \(mark) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
                _ = try #require(try WireExchange.answer(of: .address(stage.balancer.address), to: last))
            }
            try await eventually("the marks are seen") {
                Set(marks).isSubset(of: stage.witness.seen.dropFirst(before).map(\.target))
            }
            let requests = stage.witness.seen.dropFirst(before).filter { !$0.target.hasPrefix("/mark-") }
            result.append((stage.witness.name, requests.map { $0.naming(stage.balancer.address) }))
        }
        return result
    }
}

extension SeenRequest {
    /// The same wherever the balancer listens, whose address stands in for a host that is missing.
    fileprivate func naming(_ balancer: SocketAddress) -> SeenRequest {
        var request = self
        request.fields = fields.mapValues { $0 == "\(balancer)" ? "balancer" : $0 }
        return request
    }
}

/// A balancer before one worker.
private struct Stage {
    let balancer: Balancer
    let witness: Witness
}

/// Runs `body` with a balancer before each worker that is here: the node's own server always.
private func withWitnesses(_ body: ([Stage]) async throws -> Void) async throws {
    let own = try OwnWitness()
    var witnesses: [(SocketAddress, Witness)] = [(freshAddress(port: 8080), .own(own))]
    try await own.start(at: witnesses[0].0)
    for kind in RivalServer.Kind.allCases {
        guard await kind.column() != nil else {
            print("SKIPPED, \(kind.rawValue) is not installed: what it sees behind the balancer")
            continue
        }
        let address = freshAddress(port: 8080)
        let server = try RivalServer(kind, at: address)
        try #require(await server.isServing(), "\(server.errors)")
        witnesses.append((address, .rival(server, name: kind == .nginx ? "nginx" : "Node.js")))
    }
    var stages: [Stage] = []
    for (address, witness) in witnesses {
        let settings = BalancerSettings(listen: .loopback(port: 0))
        let balancer = try await Balancer.start(settings, snapshot: .fixed([address]))
        stages.append(Stage(balancer: balancer, witness: witness))
    }
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(stages)) } catch { outcome = .failure(error) }
    for stage in stages { try await stage.balancer.stop(timeout: .seconds(1)) }
    try await own.stop()
    try outcome.get()
}
