internal import IgropyrTime
internal import IgropyrUV

/// How many bytes of messages a server reads in one turn of its loop: to read one keeps all else that lives there
/// waiting, of which the gossip is taken for dead if it does not answer. What is beyond waits for a turn to come, in
/// order. Stays on its loop.
final class TurnBudget {
    /// A message of any length is read, if it is the first of its turn.
    static let bytes = 256 << 10

    private let loop: EventLoop
    private var turn: Timestamp
    private var leftBytes = bytes
    private var waiting: [(byteCount: Int, continuation: CheckedContinuation<Void, Never>)] = []

    init(on loop: EventLoop) {
        self.loop = loop
        turn = loop.now
    }

    /// Returns when a message of so many bytes has its turn: behind all that came before it. None costs nothing.
    func spend(_ byteCount: Int) async {
        guard byteCount > 0 else { return }
        if waiting.isEmpty, take(byteCount) { return }
        await withCheckedContinuation { continuation in
            waiting.append((byteCount, continuation))
            if waiting.count == 1 { serveInNextTurn() }
        }
    }

    private func serveInNextTurn() {
        loop.submitForNextTurn { [self] in
            let served = waiting.prefix { take($0.byteCount) }
            waiting.removeFirst(served.count)
            if !waiting.isEmpty { serveInNextTurn() }
            for message in served { message.continuation.resume() }
        }
    }

    /// Whether there was room.
    private func take(_ byteCount: Int) -> Bool {
        if turn != loop.now { (turn, leftBytes) = (loop.now, Self.bytes) }
        guard leftBytes >= byteCount || leftBytes == Self.bytes else { return false }
        leftBytes -= byteCount
        return true
    }
}
