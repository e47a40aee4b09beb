import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

@Suite(.timeLimit(.minutes(5))) struct `A worker that goes on taking no connections` {
    private func isWarning(_ message: String) -> Bool { message.hasPrefix("a worker takes no connections") }

    @Test func `is told of once, whatever loop tries it, and so is that it is back`() async throws {
        let log = KeptLog()
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

    @Test func `is told to be back by the loop that it lets in, though another one has told of it`() async throws {
        let log = KeptLog()
        let refusals = RefusalLog(log.logger)
        let port = try ReservedPort()
        try await onLoop { loop in
            let settings = BalancerSettings(listen: .loopback(port: 0))
            let member = UpstreamSnapshot.fixed([port.address]).applications[0].members[0]
            let proxies = try (0..<2).map { _ in
                try Proxy(on: loop, settings: settings, ChallengeAnswers(), rate: nil, refusals: refusals, log: nil)
            }
            for _ in 0..<2 {
                let worker = WorkerState(member, nil)
                _ = worker.health.noteRefusal(at: .zero)
                _ = worker.health.admits(at: loop.now)
                proxies[0].noteRefusal(by: worker)
                proxies[1].noteConnection(to: WorkerState(member, nil))
            }
            for proxy in proxies { proxy.close() }
        }
        #expect(log.count(where: isWarning) == 2)
        #expect(log.count(of: "a worker takes connections again") == 2)
    }
}
