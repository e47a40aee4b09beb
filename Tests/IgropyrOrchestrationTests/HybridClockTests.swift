import IgropyrOrchestration
import Testing

@Test func `a tick follows the wall clock, and counts while that stands still or goes back`() {
    var clock = HybridClock(host: "a")
    let ticks = [0, 0, -5, 1, 0].map { clock.tick(at: day.advanced(byMilliseconds: $0)) }
    #expect(ticks == [stamp(0), stamp(0, 1), stamp(0, 2), stamp(1), stamp(1, 1)])
}

@Test func `a tick is greater than all that was observed`() throws {
    var clock = HybridClock(host: "a")
    try clock.observe(stamp(500, 7, by: "b"), at: day)
    try clock.observe(stamp(100, 9, by: "c"), at: day)
    let next = clock.tick(at: day)
    #expect(next == stamp(500, 8))
    let later = clock.tick(at: day.advanced(byMilliseconds: 600))
    #expect(later == stamp(600))
}

@Test func `a clock more than 24 hours ahead is refused and not followed`() throws {
    var clock = HybridClock(host: "a")
    let limit = HybridClock.maximumLeadMilliseconds
    #expect(throws: HybridClock.TooFarAhead.self) { try clock.observe(stamp(limit + 1, by: "b"), at: day) }
    let before = clock.tick(at: day)
    #expect(before == stamp(0))
    try clock.observe(stamp(limit, by: "b"), at: day)
    let after = clock.tick(at: day)
    #expect(after == stamp(limit, 1))
}

@Test func `a full count moves on to the next millisecond`() throws {
    var clock = HybridClock(host: "a")
    try clock.observe(stamp(0, .max, by: "b"), at: day)
    let tick = clock.tick(at: day)
    #expect(tick == stamp(1))
}

@Test func `no reading of a clock traps`() {
    var clock = HybridClock(host: "a")
    let extremes = [Int64.min, .max, 0].map(UnixTime.init(milliseconds:))
    for time in extremes {
        for now in extremes { try? clock.observe(HybridTimestamp(time: time, count: .max, origin: "b"), at: now) }
        _ = clock.tick(at: time)
    }
    let tick = clock.tick(at: day)
    #expect(tick.time == UnixTime(milliseconds: .max))
}
