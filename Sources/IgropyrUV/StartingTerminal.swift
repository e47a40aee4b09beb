internal import Glibc

/// The terminal that a program was started from. When it goes away the kernel or a shell sends SIGHUP, and the program
/// is to end; any other SIGHUP is an operator's, who has files read anew.
struct StartingTerminal: Sendable {
    private let wasThere = isThere

    /// Whether it was there when this was made, and is no more. For any thread.
    var isGone: Bool { wasThere && !Self.isThere }

    /// Opening it fails where a process has none (`ENXIO`), as after its hangup.
    private static var isThere: Bool {
        let terminal = unsafe Glibc.open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        guard terminal >= 0 else { return false }
        close(terminal)
        return true
    }
}
