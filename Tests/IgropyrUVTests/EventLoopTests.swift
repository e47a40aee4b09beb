import Dispatch
import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct EventLoopTests {
    private actor Bound: LoopBound {
        let loop: EventLoop
        var count = 0
        init(_ loop: EventLoop) { self.loop = loop }
        func step() -> Bool {
            count += 1
            return loop.isCurrent
        }
    }

    @Test func `a task that prefers the loop runs and resumes on its thread`() async throws {
        let answers = try await onLoop { loop in
            var answers = [loop.isCurrent]
            await Task.yield()
            answers.append(loop.isCurrent)
            async let child = loop.isCurrent
            answers.append(await child)
            return answers
        }
        #expect(answers == [true, true, true])
    }

    @Test func `an actor bound to the loop runs there, whoever calls it`() async throws {
        let thread = try EventLoopThread(name: "test")
        let bound = Bound(thread.loop)
        for _ in 0..<100 { #expect(await bound.step()) }
        #expect(await bound.count == 100)
        try await thread.stop()
    }

    @Test func `functions submitted from many threads all run, in each thread's order`() async throws {
        let thread = try EventLoopThread(name: "test")
        let seen = Locked<[Int: [Int]]>([:])
        await withTaskGroup { group in
            for sender in 0..<4 {
                group.addTask {
                    for number in 0..<1000 {
                        thread.loop.submit { seen.withLock { $0[sender, default: []].append(number) } }
                    }
                }
            }
        }
        try await thread.stop()
        for sender in 0..<4 { #expect(seen.withLock { $0[sender] } == Array(0..<1000)) }
    }

    @Test func `a function that waits does so on a thread of its own, and the loop turns meanwhile`() async throws {
        try await onLoop { loop in
            let gate = DispatchSemaphore(value: 0)
            let waiting = Task.immediate {
                try await EventLoop.onThread(name: "waiter") {
                    gate.wait()
                    return loop.isCurrent
                }
            }
            await withCheckedContinuation { continuation in loop.submit { continuation.resume() } }
            gate.signal()
            let isOnLoop = try await waiting.value
            #expect(!isOnLoop)
        }
    }

    @Test func `what an offloaded function held is let go before its caller goes on`() async throws {
        final class Held: Sendable {}
        try await onLoop { loop in
            for _ in 0..<200 {
                weak var held: Held?
                func function() -> @Sendable () -> Void {
                    let object = Held()
                    held = object
                    return { withExtendedLifetime(object) {} }
                }
                await loop.offload(function())
                #expect(held == nil)
            }
        }
    }

    @Test func `tasks that yield for ever do not starve a timer`() async throws {
        try await onLoop { loop in
            let timer = try Timer(on: loop)
            let fired = Promise<Bool>()
            try timer.start(after: .milliseconds(5)) { fired.fulfil(true) }
            let spinner = Task(executorPreference: loop) { while !Task.isCancelled { await Task.yield() } }
            #expect(await fired.wait())
            spinner.cancel()
            timer.close()
        }
    }

    @Test func `a task that has had the loop for long lets a timer go first`() async throws {
        try await onLoop { loop in
            let timer = try Timer(on: loop)
            nonisolated(unsafe) var hasFired = false  // Of this loop.
            try timer.start(after: .milliseconds(5)) { hasFired = true }
            var turns = 0
            while !hasFired {
                guard loop.isTurnLong else { continue }
                await loop.waitForNextTurn()
                turns += 1
            }
            #expect(turns > 0)
            timer.close()
        }
    }

    @Test func `what waits for the next turn runs also on a loop that is being stopped`() async throws {
        let thread = try EventLoopThread(name: "test")
        let loop = thread.loop
        let over = Signal()
        loop.submit {
            loop.stop()
            loop.submitForNextTurn { loop.submitForNextTurn { over.send() } }
        }
        try await thread.stop()
        await over.wait()
    }

    @Test func `a loop that is stopped with an open handle says which`() async throws {
        let thread = try EventLoopThread(name: "test")
        let leaked = Locked<[String]>([])
        let loop = thread.loop
        try await Task(executorPreference: loop) { _ = try Timer(on: loop) }.value
        do throws(UVError) {
            try await thread.stop()
            Issue.record("closed although a timer was open")
        } catch {
            leaked.withLock { $0.append(error.description) }
        }
        #expect(leaked.withLock { $0.first?.contains("timer") } == true)
    }

    @Test(arguments: 1...20) func `a loop that was stopped still runs the tasks that it executes`(_: Int) async throws {
        let thread = try EventLoopThread(name: "test")
        let loop = thread.loop
        let bound = Bound(loop)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let waiting = Task(executorPreference: loop) {
            for await _ in gate {}
            let offloaded = await loop.offload { !loop.isCurrent }
            return (loop.isCurrent, offloaded)
        }
        _ = await bound.step()
        async let callers = withTaskGroup { group in
            for _ in 0..<50 { group.addTask { await bound.step() } }
            return await group.reduce(true) { $0 && $1 }
        }
        try await thread.stop()
        open.finish()
        #expect(await callers)
        #expect(await waiting.value == (true, true))
        #expect(await bound.step())
        #expect(await bound.count == 52)
    }

    @Test func `a thread that takes the place of a loop's is not taken for it`() async throws {
        var stopped: [EventLoop] = []
        for _ in 0..<50 {
            let thread = try EventLoopThread(name: "test")
            let loops = stopped
            let mistaken = await Task(executorPreference: thread.loop) { loops.filter(\.isCurrent).count }.value
            #expect(mistaken == 0)
            try await thread.stop()
            stopped.append(thread.loop)
        }
    }

    @Test func `a loop that was stopped goes with the last who holds it`() async throws {
        weak var loop: EventLoop?
        do {
            let thread = try EventLoopThread(name: "test")
            loop = thread.loop
            try await thread.stop()
        }
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        while loop != nil, ContinuousClock.now < deadline { await Task.yield() }
        #expect(loop == nil)
    }

    @Test func `blocking work runs elsewhere and comes back to the loop`() async throws {
        let (away, back) = try await onLoop { loop in
            let away = await loop.offload { loop.isCurrent }
            return (away, loop.isCurrent)
        }
        #expect(!away)
        #expect(back)
    }
}
