import IgropyrTime
import Testing

private let durations: [(duration: Duration, nanoseconds: Int64)] = [
    (.zero, 0),
    (Duration(attoseconds: 999_999_999), 0),
    (Duration(attoseconds: 1_000_000_000), 1),
    (Duration(attoseconds: -1_999_999_999), -1),
    (.seconds(5), 5_000_000_000),
    (.milliseconds(4_722_366) + .nanoseconds(482_868), 4_722_366_482_868),  // 2⁷² attoseconds and less.
    (.milliseconds(4_722_366) + .nanoseconds(482_870), 4_722_366_482_870),
    (.seconds(-3), -3_000_000_000),
    (.seconds(Int64.max), .max),
    (.seconds(Int64.min), .min),
]

@Test(arguments: durations) func `a duration in nanoseconds is exact, or held to what can be said`(
    duration: Duration, nanoseconds: Int64
) {
    #expect(duration.nanosecondsClamped == nanoseconds)
}

@Test func `a time that cannot be said is held, too`() {
    #expect(Timestamp.milliseconds(7) == Timestamp(nanoseconds: 7_000_000))
    #expect(Timestamp.seconds(.max) == .distantFuture)
    #expect(Timestamp.milliseconds(.min) == Timestamp(nanoseconds: .min))
}
