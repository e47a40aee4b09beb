internal import IgropyrTime
internal import IgropyrUV

/// How many bytes of messages a server reads in one turn of its loop: to read one keeps all else that lives there waiting,
/// of which the gossip is taken for dead if it does not answer. What is beyond waits for a turn to come, in order. Stays on its
/// loop.
final class TurnBudget {
    /// A message of any length is read, if it is the first of its turn.
    static let bytes = 256 << 10

    private let loop: EventLoop
    private var turn: Timestamp
    private var leftBytes = bytes

    init(on loop: EventLoop) {
        self.loop = loop
        turn = loop.now
    }

    /// Returns when a message of so many bytes has its turn.
    func spend(_ byteCount: Int) async {
        while !hasRoom(for: byteCount) { await loop.waitForNextTurn() }
        leftBytes -= byteCount
    }

    private func hasRoom(for byteCount: Int) -> Bool {
        if turn != loop.now { (turn, leftBytes) = (loop.now, Self.bytes) }
        return leftBytes >= byteCount || leftBytes == Self.bytes
    }
}
