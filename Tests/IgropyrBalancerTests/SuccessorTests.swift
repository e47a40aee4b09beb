import Glibc
import IgropyrMembership
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

@Suite(.timeLimit(.minutes(5))) struct `A balancer whose place another is to take` {
    private static func failure(
        of program: String, _ arguments: String..., within limit: Duration
    ) async throws -> SuccessionFailure? {
        var failure: SuccessionFailure?
        try await withBalancer(workers: 0) { fixture in
            let balancer = fixture.balancer
            failure = try await onLoop { loop in
                let command = ChildProcess.Command(executable: program, arguments: arguments)
                return await #expect(throws: SuccessionFailure.self) {
                    try await balancer.startSuccessor(command, within: limit, on: loop)
                }
            }
        }
        return failure
    }

    /// Until then the one before serves by the same sockets, and does know them.
    @Test func `is followed by one that accepts nothing before it has looked for workers`() async throws {
        let shared = try ListeningSocket.open(.loopback(port: 0))
        defer { Descriptor.close(shared) }
        let address = try #require(ListeningSocket.localAddress(of: shared))
        try await onLoop { loop in
            var settings = BalancerSettings(listen: address)
            settings.listeners = [BalancerListener(.inherited([try Descriptor.duplicate(shared)]))]
            settings.isSuccessor = true
            settings.holdTime = .zero
            var member = MembershipConfiguration(name: "entrance", bind: .loopback(port: 0))
            member.settings = .local
            member.logger.logLevel = .critical
            let successor = ClusterBalancer(settings, member: member, key: nil, on: loop)
            try await successor.start()
            for _ in 1...100 {
                let client = try BlockingSocket(to: address)
                // By the predecessor: it is there for each, since nobody else takes any.
                var isThere = pollfd(fd: shared, events: Int16(POLLIN), revents: 0)
                try #require(uninterrupted { poll(&isThere, 1, 60_000) } == 1)
                let accepted = accept(shared, nil, nil)
                #expect(accepted >= 0)
                close(accepted)
                withExtendedLifetime(client) {}
            }
            try await successor.waitForWorkers(within: .zero)
            let client = try BlockingSocket(to: address)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(String(decoding: try client.receive(), as: UTF8.self).hasPrefix("HTTP/1.1 503 "))
            try await successor.stop(timeout: .zero)
        }
    }

    @Test func `goes on if that one ends, or is not ready in time and so is ended`() async throws {
        #expect(try await Self.failure(of: "/bin/false", within: .seconds(200)) == .ended(.exited(code: 1)))
        let limit = Duration.milliseconds(100)
        #expect(try await Self.failure(of: "/bin/sleep", "1000", within: limit) == .notReady(after: limit))
    }
}
