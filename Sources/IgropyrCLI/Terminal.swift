@unsafe @preconcurrency import Glibc  // For `stdout`, which locks itself.

/// Standard output, of commands that say something before they end.
enum Terminal {
    /// Writes to standard output at once, line end or not; false once that fails, now or before.
    @discardableResult
    static func write(_ text: String) -> Bool {
        print(text, terminator: "")
        return hasWrittenAll
    }

    /// Writes all of it; false once that fails.
    @discardableResult
    static func write(_ bytes: some Sequence<UInt8>, to descriptor: Int32) -> Bool {
        var rest = ArraySlice(bytes)
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Whether somebody may be looking.
    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Whether all that was printed has reached standard output.
    static var hasWrittenAll: Bool { unsafe fflush(stdout) == 0 && ferror(stdout) == 0 }

    /// Whether standard output leads to a program that has ended, as in `igropyr status | head -1`.
    static var isAbandoned: Bool {
        var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        return unsafe poll(&output, 1, 0) == 1 && output.revents & Int16(POLLERR | POLLHUP) != 0
    }
}

enum StandardError {
    /// Whole lines, each of which systemd's journal gets with its priority.
    static func write(_ text: String, _ priority: Journal.Priority = .info) {
        var text = text
        if priority != .info, Journal.isThere {
            text = text.split(separator: "\n").map { "<\(priority.rawValue)>\($0)\n" }.joined()
        }
        Terminal.write(text.utf8, to: STDERR_FILENO)
    }
}
