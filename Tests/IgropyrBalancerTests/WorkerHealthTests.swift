import IgropyrTime
import Testing

@testable import IgropyrBalancer

@Test func `a worker that refused is left alone ever longer, but for one trial at a time`() {
    var health = WorkerHealth()
    func admits(at milliseconds: Int64) -> Bool { health.admits(at: .milliseconds(milliseconds)) }
    func refuse(at milliseconds: Int64) -> Bool { health.noteRefusal(at: .milliseconds(milliseconds)) }
    #expect([0, 10].map(refuse) == [true, false])  // Under way together with the first.
    #expect([999, 1000, 1000].map(admits) == [false, true, false])
    #expect(!refuse(at: 1000))
    #expect([2999, 3000].map(admits) == [false, true])
    let isNews = health.noteConnection()
    #expect(isNews && [3000, 3000].map(admits) == [true, true])
    var pauses: [Int64] = []
    var now: Int64 = 4000
    for _ in 0..<6 {
        _ = refuse(at: now)
        let until = (now...).first { admits(at: $0) } ?? now
        pauses.append(until - now)
        now = until
    }
    #expect(pauses == [1000, 2000, 4000, 8000, 10_000, 10_000])
}

@Test func `a worker that fails too often in a row is left alone until a trial succeeds`() {
    var health = WorkerHealth()
    func fail(at milliseconds: Int64) -> Bool { health.noteFailure(limit: 3, at: .milliseconds(milliseconds)) }
    func admits(at milliseconds: Int64) -> Bool { health.admits(at: .milliseconds(milliseconds)) }
    func succeed() -> Bool { health.noteSuccess() }
    func connect() -> Bool { health.noteConnection() }
    #expect([0, 0].map(fail) == [false, false])
    #expect(!succeed())  // The row begins anew.
    #expect([0, 0, 0].map(fail) == [false, false, true] && health.trouble == .fails)
    #expect([999, 1000].map(admits) == [false, true])
    #expect(!connect())  // That it takes connections was never in doubt.
    #expect(!fail(at: 1000))
    #expect([2999, 3000].map(admits) == [false, true])
    #expect(succeed() && health.trouble == nil && admits(at: 3000))
    #expect(!fail(at: 4000))  // It has all its tries again.
}

@Test func `answers that begin well and end too early are failures in a row`() {
    var health = WorkerHealth()
    func answer() -> Bool { health.noteAnswer() }
    func fail(at milliseconds: Int64) -> Bool { health.noteFailure(limit: 2, at: .milliseconds(milliseconds)) }
    #expect(!answer() && !fail(at: 0) && !answer() && fail(at: 0))
    // A trial that begins well lets others in, for the answer may last: until it fails.
    #expect(health.admits(at: .seconds(1)) && answer() && health.trouble == nil && fail(at: 1000))
}

@Test func `refusing weighs more than failing, and failing checks are no trial`() {
    var health = WorkerHealth()
    func check(_ isPassed: Bool) -> Bool { health.noteCheck(isPassed: isPassed) }
    #expect([false, false].map(check) == [true, false])
    let admitsLater = health.admits(at: .seconds(100))
    #expect(health.trouble == .fails && !admitsLater)
    _ = health.noteRefusal(at: .zero)
    #expect(health.trouble == .refuses)
    let tookConnection = health.noteConnection()
    #expect(tookConnection && health.trouble == .fails)
    #expect(check(true) && health.trouble == nil)
    _ = health.noteFailure(limit: 1, at: .zero)
    _ = health.noteRefusal(at: .zero)
    #expect(health.trouble == .refuses)
}
