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

    @Test func `what the program before has held back is heard`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoopThread(name: "test").loop
            try await Task(executorPreference: loop) {
                var held = sigset_t()
                sigemptyset(&held)
                for signal in ServiceSignals.numbers { sigaddset(&held, signal) }
                pthread_sigmask(SIG_BLOCK, &held, nil)
                raise(SIGUSR1)
                raise(SIGTERM)
                let signals = ServiceSignals(on: loop)
                try await signals.start()
                var heard: Set<ServiceOrder> = []
                for await order in signals.orders {
                    heard.insert(order)
                    if heard == [.reopenLogs, .end] { exit(0) }
                }
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
