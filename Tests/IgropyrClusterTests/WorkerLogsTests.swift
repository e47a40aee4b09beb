import Logging
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `The keeper of workers' logs` {
    @Test func `asks for no logs any more once it is closed, even while it looks at some`() async throws {
        let folder = try TemporaryFolder()
        try await onLoop { loop in
            var (logs, asked) = (WorkerLogs?.none, 0)
            logs = WorkerLogs(in: folder.path, on: loop, logger: Logger(label: "test")) {
                asked += 1
                logs?.close()
                return []
            }
            while asked == 0 { await Task.yield() }
            // What it has handed to the pool's threads is done by then, and it has gone on.
            for _ in 1...10 { await loop.offload {} }
            #expect(asked == 1)
        }
    }
}
