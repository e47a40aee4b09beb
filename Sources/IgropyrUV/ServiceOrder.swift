internal import Glibc

/// What an operator asks of a running program by signals.
public enum ServiceOrder: CaseIterable, Sendable {
    /// SIGTERM, SIGQUIT or Ctrl-C, or the end of the terminal that the program was started from: end after what is
    /// under way. Again: at once.
    case end
    /// SIGHUP: read configuration and certificates anew.
    case reload
    /// SIGUSR1: write to files of the logs' names, which may have been moved away.
    case reopenLogs
    /// SIGUSR2: let a new process of the program take over.
    case upgrade

    /// By which it is given.
    public var signal: Int32 {
        switch self {
        case .end: SIGTERM
        case .reload: SIGHUP
        case .reopenLogs: SIGUSR1
        case .upgrade: SIGUSR2
        }
    }
}
