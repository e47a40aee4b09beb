internal import IgropyrUV

/// Which worker this process is, on the word of the node that started it.
public struct Worker: Sendable, Hashable {
    /// The application's name.
    public let application: String
    /// The name of the host it runs on.
    public let host: String
    /// Its number among the application's workers on this host, from 0.
    public let index: Int

    static let current = WorkerContract.inherited.worker
}

/// What whoever started this process wants of it: systemd's socket activation and notification (`sd_listen_fds(3)`,
/// `sd_notify(3)`), with names added.
struct WorkerContract: Sendable {
    let worker: Worker?
    /// A socket that listens already.
    let socket: Int32?
    /// What `PORT` says.
    private let portText: String?
    let notificationAddress: String?
    /// How often whoever started this process wants to hear that it is alive.
    let watchdog: Duration?

    /// Taken out of the environment, once, so that child processes do not take it for theirs.
    static let inherited = WorkerContract(pid: CurrentProcess.pid, take: CurrentProcess.takeEnvironment)

    init(pid: Int32, take: (String) -> String?) {
        let (application, host, index) = (take("IGROPYR_APPLICATION"), take("IGROPYR_HOST"), take("IGROPYR_WORKER"))
        worker = application.map { Worker(application: $0, host: host ?? "", index: index.flatMap { Int($0) } ?? 0) }
        let (listenPID, sockets) = (take("LISTEN_PID"), take("LISTEN_FDS").flatMap { Int($0) } ?? 0)
        _ = take("LISTEN_FDNAMES")
        socket = listenPID == "\(pid)" && sockets >= 1 ? 3 : nil
        portText = take("PORT")
        notificationAddress = take("NOTIFY_SOCKET")
        let (watchdogPID, interval) = (take("WATCHDOG_PID"), take("WATCHDOG_USEC").flatMap { Int64($0) })
        let isForUs = watchdogPID == nil || watchdogPID == "\(pid)"
        watchdog = interval.flatMap { $0 > 0 && isForUs ? .microseconds($0) : nil }
    }

    /// The port of the environment; nil if it names none.
    /// - Throws: if it names what is no port.
    func port() throws(StartFailure) -> UInt16? {
        guard let portText, !portText.isEmpty else { return nil }
        guard portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(portText) else {
            throw StartFailure("PORT is \"\(portText)\": set it to a number from 0 to 65535, or not at all")
        }
        return port
    }

    /// Nobody may be listening any more; that changes nothing for us.
    func notify(_ state: String) {
        guard let notificationAddress else { return }
        try? ServiceNotification.send(state, to: notificationAddress)
    }
}
