/// What whoever started this process wants of it: systemd's socket activation and notification (`sd_listen_fds(3)`,
/// `sd_notify(3)`, `sd_watchdog_enabled(3)`), which nodes use for their workers, too.
public struct ServiceContract: Sendable {
    /// Where the sockets begin that a process is started with.
    public static let firstSocket: Int32 = 3
    /// More sockets than this are not believed in.
    private static let mostSockets = 16_384

    /// Sockets that listen already.
    public let sockets: [Int32]
    public let notificationAddress: String?
    /// How often whoever started this process wants to hear that it is alive.
    public let watchdog: Duration?

    /// Taken out of the environment, once, so that child processes do not take it for theirs.
    public static let inherited = ServiceContract(pid: CurrentProcess.pid, take: CurrentProcess.takeEnvironment)

    public init(pid: Int32, take: (String) -> String?) {
        let (listenPID, count) = (take("LISTEN_PID"), take("LISTEN_FDS").flatMap { Int($0) } ?? 0)
        _ = take("LISTEN_FDNAMES")
        let isOurs = listenPID == "\(pid)" && 1...Self.mostSockets ~= count
        sockets = isOurs ? (0..<Int32(count)).map { Self.firstSocket + $0 } : []
        notificationAddress = take("NOTIFY_SOCKET")
        let (watchdogPID, interval) = (take("WATCHDOG_PID"), take("WATCHDOG_USEC").flatMap { Int64($0) })
        let isForUs = watchdogPID == nil || watchdogPID == "\(pid)"
        watchdog = interval.flatMap { $0 > 0 && isForUs ? .microseconds($0) : nil }
    }

    /// Nobody may be listening any more; that changes nothing for us.
    public func notify(_ state: String) {
        guard let notificationAddress else { return }
        try? ServiceNotification.send(state, to: notificationAddress)
    }
}
