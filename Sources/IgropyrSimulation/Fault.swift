/// What befalls hosts again and again.
public struct Fault: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        /// A host is frozen.
        case pause
        /// A host gets the processor only now and then, after waits of up to a second.
        case starve
        /// Some hosts reach each other but not the rest.
        case partition
        /// A host loses its power and comes back, its memory empty.
        case restart
        /// A host loses its power for good.
        case kill
        /// A host's monotonic clock leaps ahead.
        case jump
    }

    /// How many hosts, or which share of them.
    public enum Members: Hashable, Sendable {
        case count(Int)
        case share(Double)

        func count(of total: Int) -> Int {
            switch self {
            case .count(let count): min(count, total)
            case .share(let share): Int((Double(total) * share).rounded())
            }
        }
    }

    public var kind: Kind
    /// Those that it befalls: always the same in a run, so that the others are known to be well; a partition's are
    /// chosen anew.
    public var members: Members
    /// Between two blows to a host: at random from half to one and a half times as much.
    public var interval: Duration
    /// How long it lasts; how far, for a clock that leaps.
    public var length: ClosedRange<Duration>

    public init(_ kind: Kind, members: Members, every interval: Duration, for length: ClosedRange<Duration>) {
        self.kind = kind
        self.members = members
        self.interval = interval
        self.length = length
    }

    /// The longest wait of a starved host for the processor.
    public static let starvationPause = Duration.seconds(1)
}
