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

    @Test func `goes on if that one ends, or is not ready in time and so is ended`() async throws {
        #expect(try await Self.failure(of: "/bin/false", within: .seconds(200)) == .ended(.exited(code: 1)))
        let limit = Duration.milliseconds(100)
        #expect(try await Self.failure(of: "/bin/sleep", "1000", within: limit) == .notReady(after: limit))
    }
}
