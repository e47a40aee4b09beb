internal import FoundationEssentials
internal import IgropyrOrchestration
public import IgropyrUV
public import Logging

/// Keeps one program running beside a node, such as a balancer: the sockets are the node's, so that connections wait
/// while the program starts again.
///
/// The program says `READY=1`, drains upon SIGTERM, may say `MAINPID=` of a child that takes its place, and ends with
/// this process by its ``ServiceContract/lifeline``. For tasks on any thread.
public actor ServiceSupervisor: LoopBound {
    private static let startTimeout = Duration.seconds(30)
    private static let stopTimeout = Duration.seconds(40)

    public nonisolated let loop: EventLoop
    private let name: String
    private let program: [String]
    private var sockets: [Int32]
    private let logger: Logger
    private let notificationName: String
    private var process: SupervisedProcess?
    private var notifications: NotificationSocket?
    private var lifeline: Lifeline?
    /// For a process that starts, and could not hear them yet.
    private var heldOrders: Set<ServiceOrder> = []
    /// Told to start anew, it has neither named its successor nor said that it goes on.
    private var mayChangePlaces = false
    private let waiters = WaitingTasks()

    /// `program` is a path and arguments. The sockets belong to it from here on, even if it is never started.
    public init(_ name: String, program: [String], sockets: [Int32], logger: Logger, on loop: EventLoop) {
        self.name = name
        self.program = program
        self.sockets = sockets
        self.logger = logger
        self.loop = loop
        notificationName = NotificationSocket.uniqueName()
    }

    /// Goes on with what ``handOver()`` left; nil if that was nothing of this name.
    public init?(
        _ name: String, program: [String], from handover: Handover, logger: Logger, on loop: EventLoop
    ) {
        guard let notificationName = handover.names[name] else { return nil }
        self.name = name
        self.program = program
        // An earlier edition had one, under the name alone.
        sockets = handover.descriptors.filter { $0.key == name || $0.key.hasPrefix(Self.socketName(of: name)) }
            .map(\.value)
        self.logger = logger
        self.loop = loop
        self.notificationName = notificationName
    }

    private static func socketName(of name: String) -> String { "\(name) socket " }

    /// Closes the sockets that listen elsewhere. Where else the program is to listen, it does so by itself.
    public func keepSockets(at addresses: [SocketAddress]) {
        let others = sockets.filter { socket in
            guard let own = ListeningSocket.localAddress(of: socket) else { return true }
            return !addresses.contains { $0 == own || $0.port == 0 && $0.host == own.host }
        }
        for socket in others { Descriptor.close(socket) }
        sockets.removeAll(where: others.contains)
    }

    /// Starts the program, or goes on with the process that was handed over, which is to start the program anew, too.
    public func start(from handover: Handover = Handover()) throws(UVError) {
        if let descriptor = handover.descriptors["\(name) notifications"] {
            notifications = try NotificationSocket(on: loop, owning: descriptor, name: notificationName) {
                self.receive($0)
            }
        } else {
            notifications = try NotificationSocket(on: loop, name: notificationName) { self.receive($0) }
        }
        let supervision = Supervision(
            policy: RestartPolicy(), startTimeout: Self.startTimeout, stopTimeout: Self.stopTimeout)
        let process = try SupervisedProcess(
            supervision, on: loop, onStart: { self.spawn() }, onExit: { _ in self.sayWhatHappened() },
            onChange: { self.didChange() })
        self.process = process
        lifeline = handover.descriptors["\(name) lifeline"].map(Lifeline.init(owning:))
        if let present = handover.processes[name], (try? process.adopt(present, .init(isReady: true))) != nil {
            if handover.isEnding != true { pass(.upgrade) }
            return
        }
        process.start()
    }

    /// Passes an order other than that to end on to the program, once it is ready.
    public func pass(_ order: ServiceOrder) {
        guard let process, process.isReady else { return _ = heldOrders.insert(order) }
        if order == .upgrade { mayChangePlaces = true }
        process.child?.signal(order.signal)
    }

    private func didChange() {
        if !(process?.isReady ?? false) { mayChangePlaces = false }
        waiters.wake()
        while process?.isReady ?? false, let order = heldOrders.popFirst() { pass(order) }
    }

    /// Returns once the program is no more about to be followed by another process, which would be nobody's if this
    /// process became another program meanwhile.
    public func settle() async {
        await waiters.wait(on: loop, atMost: Self.startTimeout) { mayChangePlaces }
        mayChangePlaces = false
    }

    /// Lets it drain, and returns when its process has gone: killed after 40 s.
    public func stop() async {
        process?.stop()
        await waiters.wait { !(process?.isEnded ?? true) }
        process?.close()
        notifications?.close()
        (process, notifications) = (nil, nil)
        for socket in sockets { Descriptor.close(socket) }
        sockets = []
    }

    /// What this program leaves to its successor in this process.
    public func handOver() throws(UVError) -> Handover {
        var handover = Handover()
        for (number, socket) in sockets.enumerated() {
            handover.descriptors[Self.socketName(of: name) + "\(number)"] = try Descriptor.duplicate(socket)
        }
        handover.descriptors["\(name) notifications"] = try notifications?.duplicate()
        handover.descriptors["\(name) lifeline"] = try lifeline?.duplicate()
        handover.names[name] = notificationName
        handover.processes[name] = process?.child?.identity
        return handover
    }

    private func spawn() {
        guard let process, let notifications else { return }
        do throws(UVError) {
            let (lifeline, end) = try Lifeline.make()
            defer { Descriptor.close(end) }
            self.lifeline = lifeline
            process.run(command(notifications, end))
        } catch { process.fail("\(error)") }
    }

    private func command(_ notifications: NotificationSocket, _ lifelineEnd: Int32) -> ChildProcess.Command {
        let launcher = WorkerSettings().launcher
        var command = ChildProcess.Command(
            executable: launcher[0], arguments: launcher.dropFirst() + Launcher.arguments(for: program),
            environment: ProcessInfo.processInfo.environment, hasOwnSession: true)
        command.environment["NOTIFY_SOCKET"] = notifications.name
        command.give(sockets: sockets, others: [ServiceContract.lifelineName: lifelineEnd])
        return command
    }

    private func receive(_ message: NotificationSocket.Message) {
        guard let process, process.child?.pid == message.pid else { return }
        process.receive(message)
        let isSuccessorNamed = process.child?.pid != message.pid
        guard isSuccessorNamed || message.text.split(separator: "\n").contains("READY=1") else { return }
        mayChangePlaces = false
        waiters.wake()
    }

    private func sayWhatHappened() {
        guard let supervision = process?.supervision, supervision.state != .ended else { return }
        logger.warning(
            "a program beside the node has ended",
            metadata: ["program": "\(name)", "reason": "\(supervision.message(at: loop.now))"])
    }
}
