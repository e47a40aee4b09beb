/// Times, in order of size.
public struct Distribution: Sendable {
    private let sorted: [Duration]

    public init(_ times: some Sequence<Duration>) { sorted = times.sorted() }

    public var count: Int { sorted.count }
    public var longest: Duration? { sorted.last }

    /// The time that the share of all did not exceed (nearest rank); nil if there are none.
    public func percentile(_ share: Double) -> Duration? {
        guard !sorted.isEmpty else { return nil }
        let rank = Int((share * Double(sorted.count)).rounded(.up))
        return sorted[min(sorted.count, max(1, rank)) - 1]
    }
}
