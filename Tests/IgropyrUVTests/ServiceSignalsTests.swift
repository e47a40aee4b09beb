import Glibc
import IgropyrUV
import Testing

@Suite(.timeLimit(.minutes(5))) struct ServiceSignalsTests {
    @Test func `the order to end is not lost among others that follow it`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoopThread(name: "test").loop
            try await Task(executorPreference: loop) {
                let signals = ServiceSignals(on: loop)
                try await signals.start()
                kill(getpid(), SIGTERM)
                await signals.waitForEnd()
                for _ in 1...40 {
                    kill(getpid(), SIGHUP)
                    await loop.waitForNextTurn()
                }
                for await order in signals.orders where order == .end { exit(0) }
            }.value
        }
    }

    @Test func `a program that reads nothing anew ends at SIGHUP`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoopThread(name: "test").loop
            try await Task(executorPreference: loop) {
                let signals = ServiceSignals(on: loop, hearing: [.end])
                try await signals.start()
                kill(getpid(), SIGHUP)
                await signals.waitForEnd()
            }.value
        }
    }

    @Test func `but not if nohup started it`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            signal(SIGHUP, SIG_IGN)
            let loop = try EventLoopThread(name: "test").loop
            try await Task(executorPreference: loop) {
                let signals = ServiceSignals(on: loop, hearing: [.end])
                try await signals.start()
                let end = Task(executorPreference: loop) {
                    await signals.waitForEnd()
                    exit(1)
                }
                kill(getpid(), SIGHUP)
                for _ in 1...40 { await loop.waitForNextTurn() }
                withExtendedLifetime(end) { exit(7) }
            }.value
        }
    }
}
