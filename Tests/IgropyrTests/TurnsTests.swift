import Igropyr
import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct TurnsTests {
    @Test func `no more have their turn at once than may, however many are waked together`() async throws {
        try await onLoop { loop in
            let turns = Turns(limit: 2, waiting: 100)
            let counts = Locked((now: 0, most: 0))
            let tasks = (0..<50).map { _ in
                Task.immediate(executorPreference: loop) {
                    try await turns.take(on: loop)
                    counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                    for _ in 0..<3 { await Task.yield() }
                    counts.withLock { $0.now -= 1 }
                    turns.giveBack()
                }
            }
            for task in tasks { try await task.value }
            #expect(counts.withLock { $0.most } == 2)
            await #expect(throws: HTTPFailure.self) {
                let few = Turns(limit: 1, waiting: 0)
                try await few.take(on: loop)
                try await few.take(on: loop)
            }
        }
    }

    @Test func `turns go round in the order of asking, and past those who have gone`() async throws {
        try await onLoop { loop in
            let turns = Turns(limit: 1, waiting: 100)
            let order = Locked<[Int]>([])
            try await turns.take(on: loop)
            let tasks = (0..<6).map { number in
                Task.immediate(executorPreference: loop) {
                    try await turns.take(on: loop)
                    order.withLock { $0.append(number) }
                    turns.giveBack()
                }
            }
            tasks[1].cancel()  // It is gone before it has its turn.
            await #expect(throws: CancellationError.self) { try await tasks[1].value }
            turns.giveBack()
            tasks[0].cancel()  // It has its turn, and does not want it any more.
            await #expect(throws: CancellationError.self) { try await tasks[0].value }
            for task in tasks[2...] { try await task.value }
            #expect(order.withLock { $0 } == [2, 3, 4, 5])
            try await turns.take(on: loop)
        }
    }

    @Test func `tasks of several loops share them, also those that are gone when their turn comes`() async throws {
        let turns = Turns(limit: 2, waiting: 1000)
        let counts = Locked((now: 0, most: 0, all: 0))
        try await withThrowingTaskGroup { group in
            for number in 0..<4 {
                group.addTask {
                    try await onLoop { loop in
                        let tasks = (0..<100).map { _ in
                            Task.immediate(executorPreference: loop) {
                                try await turns.take(on: loop)
                                counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.all + 1) }
                                await loop.offload {}
                                counts.withLock { $0.now -= 1 }
                                turns.giveBack()
                            }
                        }
                        if number == 0 { for task in tasks[50...] { task.cancel() } }
                        for task in tasks { try? await task.value }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(counts.withLock { $0.most } == 2)
        #expect(counts.withLock { $0.all } >= 350)
        try await onLoop { loop in for _ in 0..<2 { try await turns.take(on: loop) } }
    }
}
