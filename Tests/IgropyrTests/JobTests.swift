import Igropyr
import IgropyrUV
import TestSupport
import Testing

/// What an application does again and again.
@Suite(.timeLimit(.minutes(5))) struct JobTests {
    private struct Broken: Error {}

    private static func app(_ log: KeptLog = KeptLog()) -> App {
        let app = App()
        (app.loops, app.logger) = (1, log.logger)
        return app
    }

    @Test func `a job has its turns one after the other, also after one that failed`() async throws {
        let log = KeptLog()
        let app = Self.app(log)
        let (turns, running, overlaps) = (Locked(0), Locked(0), Locked(0))
        app.every(.milliseconds(1), "count") {
            let others = running.withLock { running in
                defer { running += 1 }
                return running
            }
            overlaps.withLock { $0 += others }
            try? await Task.sleep(for: .milliseconds(3))
            running.withLock { $0 -= 1 }
            if turns.withLock({ turns in
                turns += 1
                return turns
            }) == 1 {
                throw Broken()
            }
        }
        let server = try await app.start()
        try await eventually("it goes on") { turns.withLock { $0 } > 3 }
        try await server.stop()
        #expect(overlaps.withLock { $0 } == 0 && running.withLock { $0 } == 0)
        let failures = log.entries.filter { $0.message == "a job failed" }
        #expect(failures.map { $0.metadata["job"] } == ["count"] && failures[0].metadata["reason"] == "Broken()")
    }

    @Test func `a turn that is under way at the end is waited for`() async throws {
        let app = Self.app()
        let (began, mayEnd, hasEnded) = (Signal(), Signal(), Locked(false))
        app.every(.milliseconds(1), "slow") {
            began.send()
            await mayEnd.wait()
            hasEnded.withLock { $0 = !Task.isCancelled }
        }
        let server = try await app.start()
        await began.wait()
        let stop = Task { try await server.stop() }
        mayEnd.send()
        try await stop.value
        #expect(hasEnded.withLock { $0 })
    }

    @Test func `a turn that takes longer than the drain is cancelled, and one that heeds nothing is left`() async throws
    {
        let log = KeptLog()
        let app = Self.app(log)
        app.drainTimeout = .zero
        let (haveBegun, cancelled, mayEnd) = ([Signal(), Signal()], Signal(), Signal())
        app.every(.milliseconds(1), "long") {
            haveBegun[0].send()
            do { try await Task.sleep(for: .seconds(600)) } catch {
                cancelled.send()
                throw error
            }
        }
        app.every(.milliseconds(1), "deaf") {
            haveBegun[1].send()
            await mayEnd.wait()
        }
        let server = try await app.start()
        for signal in haveBegun { await signal.wait() }
        try await server.stop()
        await cancelled.wait()
        #expect(log.count(of: "a job that heeds no cancellation was left running") == 1)
        #expect(log.count(of: "a job failed") == 0, "nobody needs to know of what was cancelled")
        mayEnd.send()
    }

    @Test func `an interval that is none is a mistake`() async throws {
        let app = Self.app()
        app.every(.zero, "at once") {}
        await #expect(throws: InvalidSetting.self) { try await app.start() }
    }
}
