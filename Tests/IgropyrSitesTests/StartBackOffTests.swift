@testable import IgropyrSites
import IgropyrTime
import Testing

@Suite struct StartBackOffTests {
    @Test func `the time to the next try doubles up to a minute, until a start succeeds`() {
        var (backOff, now) = (StartBackOff(), Timestamp.zero)
        var waits: [Duration] = []
        for _ in 0..<8 {
            #expect(backOff.remaining(at: now) == nil)
            backOff.didFail(at: now)
            backOff.didFail(at: now)  // Of another that was tried at the same time.
            let wait = backOff.remaining(at: now) ?? .zero
            waits.append(wait)
            now = now.advanced(by: wait)
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        backOff.didStart()
        backOff.didFail(at: now)
        #expect(backOff.remaining(at: now) == .seconds(1))
    }
}
