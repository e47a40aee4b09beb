public import IgropyrTime

/// That one member holds another for failed.
public struct Declaration: Hashable, Sendable {
    public enum Verdict: Hashable, Sendable {
        /// The member is down, frozen, starved or cut off, or was within the last two seconds.
        case right
        /// It had been paused, starved, down or cut off at some time before, but is well.
        case ofRecovered
        /// It was well all the time.
        case ofHealthy
    }

    public let time: Timestamp
    public let observer: Int
    public let subject: Int
    public let verdict: Verdict

    /// How long after its trouble a member may still be declared failed: so long the news takes.
    static let grace = Duration.seconds(2)
}
