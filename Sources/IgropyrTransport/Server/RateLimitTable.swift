public import IgropyrTime

/// How many requests a client may make.
public struct RateLimitSettings: Hashable, Sendable {
    /// In the long run; more than 0.
    public var requestsPerSecond: Double
    /// At once, after a pause; at least 1.
    public var burst: Int
    /// Clients that are kept in mind at the same time, about. Beyond it those are forgotten that have used the least,
    /// and may make a burst anew: with more active clients than that the limit gets loose. Each takes 24 bytes, from
    /// the start.
    public var clients = 16_384

    public init(requestsPerSecond: Double, burst: Int) {
        self.requestsPerSecond = requestsPerSecond
        self.burst = burst
    }
}

/// Token buckets by client, in bounded memory: each bucket holds ``RateLimitSettings/burst`` tokens, is refilled at
/// ``RateLimitSettings/requestsPerSecond``, and a request takes one.
///
/// A bucket is kept as the time when it will be full again (the generic cell rate algorithm, ITU-T I.371), so that
/// nothing has to be refilled, and one that is full need not be kept. A client has one of eight places, by its hash; if
/// they are all taken, the fullest bucket is forgotten.
public struct RateLimitTable: Sendable {
    private static let ways = 8

    private struct Bucket {
        var client = ClientLimit.Client.unknown
        /// In nanoseconds; in the past if it is full.
        var fullAt = Int64.min
    }

    private var buckets: [Bucket]
    /// In nanoseconds, for a token to come.
    private let interval: Int64
    /// For a whole bucket but one token: how far ahead ``Bucket/fullAt`` may be for a request to be let in.
    private let tolerance: Int64

    public init(_ settings: RateLimitSettings) {
        let sets = max(1, (settings.clients + Self.ways - 1) / Self.ways)
        buckets = Array(repeating: Bucket(), count: sets * Self.ways)
        // A century at most, so that nothing overflows.
        interval = Int64(min(max(1e9 / settings.requestsPerSecond, 1), 3e18 / Double(max(settings.burst, 1))))
        tolerance = interval * Int64(max(settings.burst, 1) - 1)
    }

    /// Counts a request.
    /// - Returns: nil if it may be made; else how long until the next one may, which is more than nothing.
    public mutating func take(_ client: ClientLimit.Client, hash: Int, at now: Timestamp) -> Duration? {
        let place = place(of: client, hash: hash)
        if buckets[place].client != client { buckets[place] = Bucket(client: client) }
        let fullAt = max(buckets[place].fullAt, now.nanoseconds)
        let wait = fullAt - now.nanoseconds - tolerance
        guard wait <= 0 else { return .nanoseconds(wait) }
        buckets[place].fullAt = fullAt + interval
        return nil
    }

    /// Where the client's bucket is, or may be.
    private func place(of client: ClientLimit.Client, hash: Int) -> Int {
        let first = Int(UInt(bitPattern: hash) % UInt(buckets.count / Self.ways)) * Self.ways
        var fullest = first
        for place in first..<(first + Self.ways) {
            if buckets[place].client == client { return place }
            if buckets[place].fullAt < buckets[fullest].fullAt { fullest = place }
        }
        return fullest
    }
}
