import Glibc
import IgropyrUV

/// How many of how many have answered, on the terminal's last line of standard error; nothing where nobody looks.
final class CountLine: Sendable {
    private let title: String
    private let isSeen = Terminal.isTerminal(STDERR_FILENO)
    private let start = EventLoop.preciseNow

    init(_ title: String) { self.title = title }

    func show(_ count: Int, of total: Int) {
        if isSeen { StandardError.write("\r\u{1b}[K\(title) … \(count) of \(total)") }
    }

    /// For what has no count: the seconds that it takes.
    func tick() {
        guard isSeen else { return }
        StandardError.write("\r\u{1b}[K\(title) … \(Int(start.duration(to: EventLoop.preciseNow) / .seconds(1))) s")
    }

    func finish() {
        if isSeen { StandardError.write("\r\u{1b}[K") }
    }
}
