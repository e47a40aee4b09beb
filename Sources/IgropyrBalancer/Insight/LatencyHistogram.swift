/// How many requests took how long: fixed buckets, from a tenth of a millisecond to a minute. Allocates nothing.
struct LatencyHistogram: Sendable {
    /// Each bucket's longest time: 1, 2.5 and 5 of each power of ten, and the minute.
    static let bounds: [18 of Int64] = [
        100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000,
        250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000,
        60_000_000_000,
    ]
    static let boundsInSeconds = bounds.indices.map { Double(bounds[$0]) / 1e9 }

    /// Up to each bound and above the one before; last, what took longer than all.
    private(set) var counts: [19 of UInt64] = .init(repeating: 0)
    private(set) var sumNanoseconds: UInt64 = 0

    mutating func add(nanoseconds: Int64) {
        let nanoseconds = max(0, nanoseconds)  // The clock does not go back; a fault of ours must not trap.
        var bucket = 0
        while bucket < Self.bounds.count, nanoseconds > Self.bounds[bucket] { bucket += 1 }
        counts[bucket] &+= 1
        sumNanoseconds &+= UInt64(nanoseconds)
    }

    var count: UInt64 { allCounts.reduce(0, &+) }
    var allCounts: [UInt64] { counts.indices.map { counts[$0] } }
    var sumSeconds: Double { Double(sumNanoseconds) / 1e9 }

    static func += (total: inout LatencyHistogram, part: LatencyHistogram) {
        for bucket in total.counts.indices { total.counts[bucket] &+= part.counts[bucket] }
        total.sumNanoseconds &+= part.sumNanoseconds
    }
}
