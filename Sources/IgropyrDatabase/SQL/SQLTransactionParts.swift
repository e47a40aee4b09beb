/// The transaction that is open on a connection, and the parts within it: the innermost is that whose task may open
/// another. Of two tasks that open one on the same connection, each would roll back what the other did.
public struct SQLTransactionParts: Sendable {
    /// Those that the task is in, of whichever connection.
    @TaskLocal package static var entered: Set<UInt64> = []

    private var open: [UInt64] = []

    public init() {}

    /// Opens one within the innermost.
    /// - Returns: nil if the task is not in that: it is another's.
    mutating func begin() -> UInt64? {
        if let innermost = open.last, !Self.entered.contains(innermost) { return nil }
        let number = UInt64.random(in: 0 ... .max)
        open.append(number)
        return number
    }

    /// Ends it, and what is left open within it.
    mutating func end(_ number: UInt64) {
        if let index = open.lastIndex(of: number) { open.removeSubrange(index...) }
    }
}
