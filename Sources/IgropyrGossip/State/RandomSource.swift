/// The caller's generator, kept with the state that draws from it.
struct RandomSource: RandomNumberGenerator, Sendable {
    private var base: any RandomNumberGenerator & Sendable

    init(_ base: some RandomNumberGenerator & Sendable) { self.base = base }

    mutating func next() -> UInt64 { base.next() }

    /// For a nonce.
    mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count { bytes.append(bigEndian: next()) }
        return Array(bytes.prefix(count))
    }

    mutating func delay(below interval: Duration) -> Duration {
        .nanoseconds(Int64.random(in: 0...max(0, interval.nanosecondsClamped), using: &self))
    }
}
