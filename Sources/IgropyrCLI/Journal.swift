internal import Glibc
internal import Logging

/// systemd's journal, where standard error leads to it (`sd-daemon(3)`): it has the time of a line by itself, and a
/// line begins with how much it matters.
enum Journal {
    /// As syslog numbers them. The journal takes a line that says none for `info`.
    enum Priority: Int {
        case critical = 2
        case error, warning, notice, info, debug
    }

    /// `JOURNAL_STREAM` names the device and inode of what systemd gave us; descriptors may lead elsewhere since.
    static let isThere: Bool = {
        var status = stat()
        guard let stream = EnvironmentVariable.journalStream.value, unsafe fstat(STDERR_FILENO, &status) == 0 else {
            return false
        }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }()
}

extension Journal.Priority {
    init(_ level: Logger.Level) {
        self =
            switch level {
            case .trace, .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            case .critical: .critical
            }
    }
}
