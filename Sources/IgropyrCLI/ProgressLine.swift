import Glibc
import IgropyrUV

/// How far a transfer is, on the terminal's last line of standard error; nothing for the first second, and nothing
/// where nobody looks.
final class ProgressLine: Sendable {
    private struct State {
        var lastShown: Int64 = 0
        var isVisible = false
    }

    private let title: String
    private let start = EventLoop.preciseNow.nanoseconds
    private let state = Locked(State())

    init(_ title: String) { self.title = title }

    func show(_ done: Int64, of total: Int64) {
        let now = EventLoop.preciseNow.nanoseconds
        guard Terminal.isTerminal(STDERR_FILENO), now - start > 1_000_000_000 else { return }
        let isDue = state.withLock { state in
            guard now - state.lastShown > 200_000_000 else { return false }
            state.lastShown = now
            state.isVisible = true
            return true
        }
        guard isDue else { return }
        let percent = total > 0 ? done * 100 / total : 100
        StandardError.write("\r\(title) … \(percent) % of \(total / 1_000_000) MB")
    }

    func finish() {
        if state.withLock({ $0.isVisible }) { StandardError.write("\r\u{1b}[K") }
    }
}
