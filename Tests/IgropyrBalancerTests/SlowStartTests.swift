import IgropyrTime
import Testing

@testable import IgropyrBalancer

@Test func `those that were there first have their whole share, newcomers get it in steps`() {
    var start = SlowStart(duration: .seconds(2))
    start.note(["a", "b"], at: .zero)
    #expect(start.deadline(after: .zero) == nil && start.step(of: "a", at: .zero) == SlowStart.steps)
    start.note(["a", "b", "c"], at: .seconds(10))
    func steps(at milliseconds: Int64) -> [UInt16] {
        ["a", "b", "c"].map { start.step(of: $0, at: .milliseconds(milliseconds)) }
    }
    #expect(steps(at: 10_000) == [4, 4, 1] && steps(at: 10_499) == [4, 4, 1])
    #expect([10_500, 11_000, 11_500, 60_000].map { steps(at: $0)[2] } == [2, 3, 4, 4])
    #expect(start.deadline(after: .seconds(10)) == .milliseconds(10_500))
    #expect(start.deadline(after: .milliseconds(10_600)) == .seconds(11))
    #expect(start.deadline(after: .seconds(12)) == nil)
}

@Test func `one that leaves and comes back begins anew; one that stays does not`() {
    var start = SlowStart(duration: .seconds(2))
    start.note(["a", "b"], at: .zero)
    start.note(["a"], at: .seconds(1))
    start.note(["a", "b"], at: .seconds(2))
    #expect(start.step(of: "b", at: .seconds(2)) == 1)
    start.note(["a", "b"], at: .seconds(3))
    #expect(start.step(of: "b", at: .seconds(3)) == 3)
    #expect(start.step(of: "a", at: .seconds(3)) == 4)
}

@Test func `without a time for it, nobody starts slowly`() {
    var start = SlowStart(duration: .zero)
    start.note([], at: .zero)
    start.note(["a"], at: .zero)
    #expect(start.step(of: "a", at: .zero) == 4 && start.deadline(after: .zero) == nil)
}
