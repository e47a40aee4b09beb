import IgropyrUV
import Testing

@Suite(.timeLimit(.minutes(5))) struct WaitingTasksTests {
    private actor Gate: LoopBound {
        let loop: EventLoop
        private let waiting = WaitingTasks()
        private var isOpen = false
        private var isLate = false

        init(_ loop: EventLoop) { self.loop = loop }

        func open() {
            isOpen = true
            waiting.wake()
        }

        func wait(heedsCancellation: Bool) async {
            if heedsCancellation {
                await waiting.wait(on: loop) { !isOpen }
            } else {
                await waiting.wait { !isOpen }
            }
        }

        /// - Returns: whether it opened in time.
        func wait(atMost time: Duration) async -> Bool {
            await waiting.wait(on: loop, atMost: time) { !isOpen }
            return isOpen
        }

        /// Opens at the first moment at which this task does not run, and looks whether it hears of that.
        func openAndWait(heedsCancellation: Bool) async throws -> Bool {
            loop.submitLocally { self.assumeIsolated { $0.open() } }
            let rescue = try Timer(on: loop)
            defer { rescue.close() }
            try rescue.start(after: .seconds(10)) { self.assumeIsolated { $0.openLate() } }
            await wait(heedsCancellation: heedsCancellation)
            return !isLate
        }

        private func openLate() {
            isLate = true
            waiting.wake()
        }
    }

    @Test func `a task that waits for a time goes on when that is over, or as soon as it may`() async throws {
        let thread = try EventLoopThread(name: "test")
        let gate = Gate(thread.loop)
        #expect(await !gate.wait(atMost: .milliseconds(1)))
        async let outcome = gate.wait(atMost: .seconds(3600))
        await gate.open()
        #expect(await outcome)
        try await thread.stop()
    }

    @Test(arguments: [false, true], [false, true])
    func `what happens while a task is on its way to wait is not missed`(
        prefersLoop: Bool, heedsCancellation: Bool
    ) async throws {
        let thread = try EventLoopThread(name: "test")
        for _ in 0..<100 {
            let gate = Gate(thread.loop)
            let isInTime = try await Task.detached(executorPreference: prefersLoop ? thread.loop : nil) {
                try await gate.openAndWait(heedsCancellation: heedsCancellation)
            }.value
            #expect(isInTime)
        }
        try await thread.stop()
    }

    @Test func `a task that is cancelled waits no more, and only that one`() async throws {
        let thread = try EventLoopThread(name: "test")
        let gate = Gate(thread.loop)
        let tasks = (0..<10).map { _ in
            Task.detached {
                await gate.wait(heedsCancellation: true)
                return Task.isCancelled
            }
        }
        for task in tasks[..<5] { task.cancel() }
        for task in tasks[..<5] { #expect(await task.value) }
        await gate.open()
        for task in tasks[5...] { #expect(await !task.value) }
        try await thread.stop()
    }
}
