import Glibc
import TestSupport
import Testing

@testable import IgropyrUV

@Suite(.timeLimit(.minutes(1))) struct PollerTests {
    @Test func `a descriptor that breaks is told of until what came before is read, and the error`() async throws {
        try await onLoop { loop in
            var ends: [Int32] = [0, 0]
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends) == 0)
            let (ours, theirs) = (ends[0], ends[1])
            defer { close(ours) }
            #expect(send(theirs, "last words", 10, 0) == 10)
            #expect(send(ours, "unread", 6, 0) == 6)
            close(theirs)  // Resets, since something was left to read.

            let poller = try Poller(on: loop, descriptor: ours)
            defer { poller.close() }
            var results: [Int] = []
            try poller.start {
                var bytes = [UInt8](repeating: 0, count: 100)
                let count = recv(ours, &bytes, bytes.count, 0)  // Once a turn, as others' libraries do.
                results.append(count < 0 ? -Int(errno) : count)
                if count <= 0 { poller.stop() }
            }
            try await eventually("both are read") { results == [10, -Int(ECONNRESET)] }
        }
    }
}
