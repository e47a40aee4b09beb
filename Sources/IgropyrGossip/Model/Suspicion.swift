internal import IgropyrTime

/// A member under suspicion. Others who suspect it too shorten the time that it has to refute (Lifeguard,
/// arXiv:1707.00788).
struct Suspicion: Sendable {
    let incarnation: UInt32
    private var start: Timestamp
    private let minimum: Duration
    private let maximum: Duration
    private let confirmationLimit: Int
    private var accusers: Set<String>

    /// `nodeCount`: All in the table, ourselves and the dead included.
    init(of node: Node, by accuser: String, nodeCount: Int, settings: GossipSettings, at now: Timestamp) {
        let scale = max(1, Logarithm.decimal(Double(max(1, nodeCount))))
        let thousandths = Int((scale * 1000).rounded(.down))
        incarnation = node.incarnation
        start = now
        minimum = settings.probeInterval * (settings.suspicionMultiplier * thousandths) / 1000
        maximum = minimum * settings.suspicionMaximumMultiplier
        let limit = settings.suspicionMultiplier - 2
        confirmationLimit = nodeCount - 2 < limit ? 0 : max(0, limit)
        accusers = [accuser]
    }

    /// True if it is new and counts: pass it on.
    mutating func confirm(by accuser: String) -> Bool {
        accusers.count - 1 < confirmationLimit && accusers.insert(accuser).inserted
    }

    /// We may have been deaf: it has as long again to refute.
    mutating func restart(at now: Timestamp) { start = now }

    var deadline: Timestamp { start.advanced(by: timeout) }

    private var timeout: Duration {
        guard confirmationLimit > 0 else { return minimum }
        let confirmations = Double(accusers.count)  // The first accuser is the 1 in ln(c + 1).
        let share = Logarithm.natural(confirmations) / Logarithm.natural(Double(confirmationLimit + 1))
        let milliseconds = (maximum.milliseconds - share * (maximum - minimum).milliseconds).rounded(.down)
        return max(minimum, .milliseconds(Int64(milliseconds)))
    }
}

extension Duration {
    /// Exact for durations that settings hold.
    fileprivate var milliseconds: Double { Double(nanosecondsClamped) / 1_000_000 }
}
