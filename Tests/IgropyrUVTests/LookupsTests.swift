import Dispatch
import TestSupport
import Testing

@testable import IgropyrUV

/// A name server that is silent until it is told to answer; then each question is its own answer.
private final class SilentServer: Sendable {
    private let gate = DispatchSemaphore(value: 0)
    let asked = Locked<[Int]>([])

    func lookups(threads: Int, queue: Int) -> Lookups<Int, Int> {
        Lookups(threads: threads, queue: queue) { [self] question in
            asked.withLock { $0.append(question) }
            gate.wait()
            gate.signal()
            return .success(question)
        }
    }

    func answer() { gate.signal() }
}

@Suite(.timeLimit(.minutes(5))) struct LookupsTests {
    @Test func `whoever waits for an answer is let go in time, and files are read meanwhile`() async throws {
        let server = SilentServer()
        defer { server.answer() }
        let lookups = server.lookups(threads: 2 * EventLoop.poolThreads, queue: 1)
        try await onLoop { loop in
            let codes = await withTaskGroup(of: Int32?.self) { group in
                for question in 0...2 * EventLoop.poolThreads {
                    group.addTask {
                        do throws(UVError) {
                            _ = try await lookups.answer(to: question, within: .milliseconds(10), call: "ask")
                            return nil
                        } catch { return error.code }
                    }
                }
                return await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(codes == [UVError.timedOut])
            #expect(await loop.offload { true })
        }
    }

    @Test func `a question is asked once however many wait, and on for who asks again`() async throws {
        let server = SilentServer()
        let lookups = server.lookups(threads: 2, queue: 0)
        let first = Task { try await lookups.answer(to: 7, within: .seconds(200), call: "ask") }
        try await eventually("it is asked") { server.asked.withLock(\.self) == [7] }
        first.cancel()
        await #expect(throws: UVError(code: UVError.cancelled, call: "ask")) { try await first.value }
        async let one = lookups.answer(to: 7, within: .seconds(200), call: "ask")
        async let other = lookups.answer(to: 7, within: .seconds(200), call: "ask")
        await #expect(throws: UVError(code: UVError.timedOut, call: "ask")) {
            try await lookups.answer(to: 7, within: .zero, call: "ask")
        }
        server.answer()
        #expect(try await [one, other] == [7, 7])
        #expect(server.asked.withLock(\.self) == [7])
    }

    @Test func `what finds no thread and no place to wait is refused`() async throws {
        let server = SilentServer()
        let lookups = server.lookups(threads: 1, queue: 0)
        let first = Task { try await lookups.answer(to: 1, within: .seconds(200), call: "ask") }
        try await eventually("it is asked") { server.asked.withLock(\.self) == [1] }
        await #expect(throws: UVError(code: UVError.nameServerBusy, call: "ask")) {
            try await lookups.answer(to: 2, within: .seconds(200), call: "ask")
        }
        server.answer()
        #expect(try await first.value == 1)
    }

    @Test func `questions wait for a thread as long as somebody waits for them`() async throws {
        let server = SilentServer()
        let lookups = server.lookups(threads: 1, queue: 2)
        let first = Task { try await lookups.answer(to: 1, within: .seconds(200), call: "ask") }
        try await eventually("it is asked") { server.asked.withLock(\.self) == [1] }
        await #expect(throws: UVError(code: UVError.timedOut, call: "ask")) {
            try await lookups.answer(to: 2, within: .milliseconds(10), call: "ask")
        }
        let third = Task { try await lookups.answer(to: 3, within: .seconds(200), call: "ask") }
        server.answer()
        #expect(try await [first.value, third.value] == [1, 3])
        #expect(server.asked.withLock(\.self) == [1, 3])
    }
}
