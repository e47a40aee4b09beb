import Igropyr
import IgropyrUV
import TestSupport
import Testing

/// The tables of docs/differential.md say what is so.
@Suite(.timeLimit(.minutes(5))) struct DifferentialTests {
    @Test func `odd requests are judged as docs/differential.md says`() async throws {
        let requests = try OddRequest.all()
        #expect(requests.count > 60)
        try await withApp { app in
            app.get("/**") { _ in "ok" }
            app.post("/**") { request async throws in "\(try await request.body(upTo: 1 << 20).count)" }
        } _: { caller in
            let server = WireExchange.Target.address(.loopback(port: caller.server.address.port))
            for request in requests {
                let verdict = try verdict(on: request.bytes, by: server)
                #expect(verdict == request.verdicts["Igropyr"], "\(request.name)")
            }
        }
    }

    @Test(arguments: RivalServer.Kind.allCases) func `others judge odd requests as it says, too`(
        kind: RivalServer.Kind
    ) async throws {
        let requests = try OddRequest.all()
        guard let column = await kind.column(), requests.allSatisfy({ $0.verdicts[column] != nil }) else {
            return print("SKIPPED, \(kind.rawValue) is not here in a version of docs/differential.md: odd requests")
        }
        let server = try RivalServer(kind)
        try #require(await server.isServing(), "\(server.errors)")
        for request in requests {
            let verdict = try verdict(on: request.bytes, by: server.target)
            #expect(verdict == request.verdicts[column], "\(column): \(request.name)")
        }
        #expect(server.isRunning, "\(server.errors)")
    }

    @Test func `where verdicts differ, and only there, it says why`() throws {
        for request in try OddRequest.all() {
            #expect(request.reason.isEmpty == (Set(request.verdicts.values).count == 1), "\(request.name)")
        }
    }

    @Test func `nothing is served that nginx and Node.js both refuse`() throws {
        for request in try OddRequest.all() where request.verdicts["Igropyr"]?.first == "2" {
            let others = [request.verdicts["nginx 1.22"], request.verdicts["Node 20"]]
            #expect(others.contains { $0?.first == "2" }, "\(request.name)")
        }
    }
}

/// Sends `bytes` and a plain request, then the end. The status codes of all that is answered before the server closes.
private func verdict(on bytes: [UInt8], by server: WireExchange.Target) throws -> String {
    let last = Array("GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
    guard let received = try WireExchange.answer(of: server, to: bytes + last) else { return "no end" }
    let text = String(decoding: received, as: UTF8.self)
    let codes = text.ranges(of: "HTTP/1.1 ").map { String(text[$0.upperBound...].prefix(3)) }
    return codes.isEmpty ? (received.isEmpty ? "none" : "body") : codes.joined(separator: " ")
}
