import IgropyrTime
import IgropyrUV

/// Which addresses refused a connection lately, so that requests go around them before the ring changes.
///
/// A marked address is left alone for 1 s, doubled at each further refusal up to 10 s; then one request at a time is
/// let through to try it. It outlives the snapshots, which know nothing of it. Whether to use an address in spite of its
/// mark, since all have one, is the caller's decision.
struct RefusalMemory {
    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(10)

    private struct Mark {
        var pause: Duration
        var until: Timestamp
        /// The pause was over and one request is on its way to try the address.
        var isOnTrial = false
    }

    private var marks: [SocketAddress: Mark] = [:]

    func isMarked(_ address: SocketAddress) -> Bool { !marks.isEmpty && marks[address] != nil }

    /// Whether a request may go there now. For an address whose pause is over this is the one trial: the next comes
    /// after another pause, unless the trial succeeds.
    mutating func admits(_ address: SocketAddress, at now: Timestamp) -> Bool {
        guard !marks.isEmpty, let mark = marks[address] else { return true }
        guard now >= mark.until else { return false }
        marks[address] = Mark(pause: mark.pause, until: now.advanced(by: mark.pause), isOnTrial: true)
        return true
    }

    mutating func noteRefusal(by address: SocketAddress, at now: Timestamp) {
        guard let mark = marks[address] else {
            marks[address] = Mark(pause: Self.firstPause, until: now.advanced(by: Self.firstPause))
            return
        }
        guard mark.isOnTrial else { return }  // Requests that were under way together.
        let pause = min(mark.pause * 2, Self.longestPause)
        marks[address] = Mark(pause: pause, until: now.advanced(by: pause))
    }

    /// It took a connection, or is said to be back.
    mutating func forget(_ address: SocketAddress) {
        if !marks.isEmpty { marks[address] = nil }
    }

    /// Forgets what is in no snapshot any more: so the marks are never more than the workers.
    mutating func keep(_ addresses: Set<SocketAddress>) {
        if !marks.isEmpty { marks = marks.filter { addresses.contains($0.key) } }
    }
}
