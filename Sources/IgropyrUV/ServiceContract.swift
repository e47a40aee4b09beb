internal import CLibUV

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
    /// Where the process that this one succeeds hears that it is ready; see ``notifyReady()``.
    public let predecessorAddress: String?
    /// By where one of the ``sockets`` listens, where the predecessor was asked to listen, if that is elsewhere: at
    /// port 0, or where the first process was not asked but given a socket. Nil without a predecessor, and with one of
    /// a version that does not say.
    public let askedAddresses: [SocketAddress: SocketAddress]?
    /// How often whoever started this process wants to hear that it is alive.
    public let watchdog: Duration?
    /// Whether it is not to end with the terminal that it was started from: nohup(1) started it, or the program whose
    /// place it takes.
    public let outlivesTerminal: Bool
    /// What else it was given, by the names that both know.
    public let descriptors: [String: Int32]

    /// Taken out of the environment, once, so that child processes do not take it for theirs. To be looked at before
    /// SIGHUP is heard.
    public static let inherited = ServiceContract(
        pid: CurrentProcess.pid, ignoresHangup: CurrentProcess.ignoresHangup, take: CurrentProcess.takeEnvironment)

    public init(pid: Int32, ignoresHangup: Bool = false, take: (String) -> String?) {
        let (listenPID, count) = (take("LISTEN_PID"), take("LISTEN_FDS").flatMap { Int($0) } ?? 0)
        _ = take("LISTEN_FDNAMES")
        let isOurs = listenPID == "\(pid)" && 0...Self.mostSockets ~= count
        sockets = isOurs ? (0..<Int32(count)).map { Self.firstSocket + $0 } : []
        notificationAddress = take("NOTIFY_SOCKET")
        predecessorAddress = take(Self.predecessorVariable)
        let address = { (text: String) in SocketAddress(parsing: text, defaultPort: 0) }
        let asked = take(Self.askedVariable).map { Self.pairs($0, key: address, value: address) }
        askedAddresses = predecessorAddress == nil ? nil : asked
        let (watchdogPID, interval) = (take("WATCHDOG_PID"), take("WATCHDOG_USEC").flatMap { Int64($0) })
        let isForUs = watchdogPID == nil || watchdogPID == "\(pid)"
        watchdog = interval.flatMap { $0 > 0 && isForUs ? .microseconds($0) : nil }
        outlivesTerminal = take(Self.outlivesTerminalVariable) != nil || ignoresHangup
        let others = Self.pairs(take(Self.descriptorsVariable), key: { $0 }, value: { Int32($0) })
        descriptors = isOurs ? others : [:]
    }

    /// Reads `key=value,key=value`; what is no such pair is left out.
    private static func pairs<Key: Hashable, Value>(
        _ text: String?, key: (String) -> Key?, value: (String) -> Value?
    ) -> [Key: Value] {
        var pairs: [Key: Value] = [:]
        for pair in text?.split(separator: ",") ?? [] {
            let words = pair.split(separator: "=").map(String.init)
            guard words.count == 2, let key = key(words[0]), let value = value(words[1]) else { continue }
            pairs[key] = value
        }
        return pairs
    }

    /// Whether another process serves until this one says that it is ready.
    public var isSuccessor: Bool { predecessorAddress != nil }

    /// The other end of a ``Lifeline``: this process is to end with whoever holds that.
    public var lifeline: Int32? { descriptors[Self.lifelineName] }

    /// What the environment of a process must say for it to take this one's place before whoever started this one:
    /// `READY=1` comes to `address`, all that follows goes there. `asked` is what it finds as ``askedAddresses``.
    public func environment(
        ofSuccessorHeardAt address: String, asked: [SocketAddress: SocketAddress] = [:]
    ) -> [String: String] {
        var environment = environmentOfSuccessor
        environment[Self.predecessorVariable] = address
        environment[Self.askedVariable] = asked.map { "\($0.localText)=\($1.localText)" }.joined(separator: ",")
        return environment
    }

    /// What the environment must say for a program to take this one's place in its process.
    public var environmentOfSuccessor: [String: String] {
        var environment: [String: String] = [:]
        environment["NOTIFY_SOCKET"] = notificationAddress
        environment["WATCHDOG_USEC"] = watchdog.map { "\(Int64($0 / .microseconds(1)))" }
        // It cannot tell by itself: a signal that was heard here has its usual effect there.
        environment[Self.outlivesTerminalVariable] = outlivesTerminal ? "1" : nil
        return environment
    }

    private static let predecessorVariable = "IGROPYR_PREDECESSOR"
    private static let outlivesTerminalVariable = "IGROPYR_OUTLIVES_TERMINAL"
    private static let askedVariable = "IGROPYR_ASKED_ADDRESSES"
    fileprivate static let descriptorsVariable = "IGROPYR_DESCRIPTORS"
    public static let lifelineName = "lifeline"

    /// Nobody may be listening any more; that changes nothing for us.
    public func notify(_ state: String) { Self.send(state, to: notificationAddress) }

    /// Says `READY=1`, once: to the process that this one succeeds, which has this one made the service's main process,
    /// or else to whoever started it.
    public func notifyReady() { Self.send("READY=1", to: predecessorAddress ?? notificationAddress) }

    /// Says that settings are read anew; `READY=1` has to follow. With the time that `Type=notify-reload` asks for
    /// (`sd_notify(3)`).
    public func notifyReloading() { notify("RELOADING=1\nMONOTONIC_USEC=\(uv_hrtime() / 1000)") }

    /// Says `WATCHDOG=1` twice in each interval that was asked for, as long as `answer` returns. Ends when its task is
    /// cancelled, or at once if nobody asked.
    public func feedWatchdog(_ answer: () async -> Void) async {
        guard let watchdog else { return }
        while !Task.isCancelled {
            await answer()
            await sayAlive()
            try? await Task.sleep(for: watchdog / 2)
        }
    }

    /// Whoever listens may stand still, or others may flood it: neither is to halt the loop of who serves. The wait is
    /// short, but there is one, since the kernel lets who waits have their turns; and what was not taken is said soon
    /// again, as one that stood still listens only for a while before it judges.
    private func sayAlive() async {
        guard let notificationAddress else { return }
        while !Task.isCancelled {
            do throws(UVError) {
                return try ServiceNotification.send(
                    "WATCHDOG=1", to: notificationAddress, longestWait: .milliseconds(10))
            } catch {
                guard error.code == UVError.tryAgain || error.code == UVError.interrupted else { return }
            }
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    private static func send(_ state: String, to address: String?) {
        guard let address else { return }
        try? ServiceNotification.send(state, to: address)
    }
}

extension ChildProcess.Command {
    /// Has the process find these as ``ServiceContract/sockets`` and ``ServiceContract/descriptors``, if its program
    /// finds its number as `LISTEN_PID`. Names have neither `,` nor `=`.
    public mutating func give(sockets: [Int32], others: [String: Int32] = [:]) {
        descriptors = [nil, 1, 2] + sockets
        environment["LISTEN_FDS"] = "\(sockets.count)"
        let others = others.sorted { $0.key < $1.key }
        let named = others.enumerated().map { "\($1.key)=\(descriptors.count + $0)" }
        environment[ServiceContract.descriptorsVariable] = named.isEmpty ? nil : named.joined(separator: ",")
        descriptors += others.map(\.value)
    }
}
