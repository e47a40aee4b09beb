import Logging
import TestSupport
import Testing

@testable import IgropyrCluster

/// Whose logs they are may be gone once they are closed.
@Suite("The keeper of workers' logs") struct WorkerLogsTests {
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
