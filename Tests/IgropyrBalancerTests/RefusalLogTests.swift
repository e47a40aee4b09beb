import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

@Suite(.timeLimit(.minutes(5))) struct `A worker that goes on taking no connections` {
    private func isWarning(_ message: String) -> Bool { message.hasPrefix("a worker takes no connections") }

    @Test func `is told of once, whatever loop tries it, and so is that it is back`() async throws {
        let log = MessageLog()
        let port = try ReservedPort()
        try await withBalancer(workers: 1) {
            ($0.loops, $0.insight.logger) = (2, log.logger)
        } _: { fixture in
            fixture.use([port.address, fixture.workers[0].address])
            func ask() throws {
                for key in 0..<20 { #expect(try fixture.get("/key/\(key)").status == 200) }
            }
            try await eventually("it was tried twice") {
                try ask()
                return log.count(where: isWarning) == 1
            }
            let worker = try TestWorker("back", port: port.address.port)
            try await worker.start()
            try await eventually("it is tried once more") {
                try ask()
                return log.count(of: "a worker takes connections again") == 1
            }
            #expect(log.count(where: isWarning) == 1)
            try await worker.stop()
        }
    }
}
