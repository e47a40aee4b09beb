internal import Glibc

/// The terminal that a program was started from. When it goes away the kernel or a shell sends SIGHUP, and the program is to end;
/// any other SIGHUP is an operator's, who has files read anew.
public struct StartingTerminal: Sendable {
    private let isOurs: Bool

    /// Looks for it: to be made before SIGHUP is heard, since who starts a program by nohup(1) has it ignore that signal, and does
    /// not want it to end with the terminal.
    public init() {
        var action = sigaction()
        let isIgnored = unsafe sigaction(SIGHUP, nil, &action) == 0 && Self.ignores(action)
        isOurs = !isIgnored && Self.isThere
    }

    /// Whether it was there, and is no more. For any thread.
    public var isGone: Bool { isOurs && !Self.isThere }

    private static func ignores(_ action: sigaction) -> Bool {
        unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: UInt.self)
            == unsafeBitCast(SIG_IGN, to: UInt.self)
    }

    /// Opening it fails where a process has none (`ENXIO`), as after its hangup.
    private static var isThere: Bool {
        let terminal = unsafe Glibc.open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        guard terminal >= 0 else { return false }
        close(terminal)
        return true
    }
}
