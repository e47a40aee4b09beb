import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `Work that is done once for all who ask meanwhile` {
    @Test func `follows what is being done, as the last has asked for it`() async throws {
        try await onLoop { loop in
            let work = CoalescedWork(on: loop)
            let (began, mayEnd) = (Signal(), Signal())
            var done: [Int] = []
            work.request {
                began.send()
                await mayEnd.wait()
                done.append(0)
            }
            await began.wait()
            for number in 1...3 { work.request { done.append(number) } }
            mayEnd.send()
            await work.finish()
            #expect(done == [0, 3])
        }
    }

    @Test func `is dropped if it is cancelled, and what is being done hears of that`() async throws {
        try await onLoop { loop in
            let work = CoalescedWork(on: loop)
            let began = Signal()
            var done: [Int] = []
            work.request {
                began.send()
                try? await Task.sleep(for: .seconds(600))
                done.append(0)
            }
            await began.wait()
            work.request { done.append(1) }
            work.cancel()
            await work.finish()
            #expect(done == [0])
        }
    }
}
