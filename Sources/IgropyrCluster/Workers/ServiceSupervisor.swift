internal import FoundationEssentials
internal import Glibc
internal import IgropyrOrchestration
internal import IgropyrTime
public import IgropyrUV
public import Logging

/// Keeps one program running beside a node, such as a balancer: the socket is the node's, so that connections wait while
/// the program starts again.
///
/// The program says `READY=1`, drains upon SIGTERM, and dies with this process. For tasks on any thread; its loop must live as
/// long as the process (see ``Launcher``).
public actor ServiceSupervisor: LoopBound {
    private static let startTimeout = Duration.seconds(30)
    private static let stopTimeout = Duration.seconds(40)

    public nonisolated let loop: EventLoop
    private let name: String
    private let program: [String]
    private let socket: Int32
    private let logger: Logger
    private var supervision = Supervision(
        policy: RestartPolicy(), startTimeout: ServiceSupervisor.startTimeout,
        stopTimeout: ServiceSupervisor.stopTimeout)
    private var child: ChildProcess?
    private var notifications: NotificationSocket?
    private var timer: Timer?
    private let waiters = WaitingTasks()

    /// `program` is a path and arguments. The socket belongs to it from here on, even if it is never started.
    public init(_ name: String, program: [String], socket: Int32, logger: Logger, on loop: EventLoop) {
        self.name = name
        self.program = program
        self.socket = socket
        self.logger = logger
        self.loop = loop
    }

    public func start() throws(UVError) {
        notifications = try NotificationSocket(on: loop) { self.receive($0) }
        timer = try Timer(on: loop)
        carryOut(supervision.handleStart(at: loop.now))
    }

    /// Lets it drain, and returns when its process has gone: killed after 40 s.
    public func stop() async {
        carryOut(supervision.handleStop(at: loop.now))
        await waiters.wait { child != nil }
        timer?.close()
        notifications?.close()
        (timer, notifications) = (nil, nil)
        ListeningSocket.close(socket)
    }

    private func carryOut(_ action: Supervision.Action?) {
        switch action {
        case .start: spawn()
        case .terminate: child?.signal(SIGTERM)
        case .kill: child?.signalGroup(SIGKILL)
        case nil: break
        }
        guard let deadline = supervision.deadline else {
            timer?.cancel()
            return
        }
        // Fails only once closed.
        try? timer?.start(after: max(.zero, loop.now.duration(to: deadline))) {
            self.carryOut(self.supervision.handleTimeout(at: self.loop.now))
        }
    }

    private func spawn() {
        guard let notifications else { return }
        let launcher = WorkerSettings().launcher
        var environment = ProcessInfo.processInfo.environment
        environment["LISTEN_FDS"] = "1"
        environment["NOTIFY_SOCKET"] = notifications.name
        let command = ChildProcess.Command(
            executable: launcher[0], arguments: launcher.dropFirst() + Launcher.arguments(for: program),
            environment: environment, descriptors: [nil, 1, 2, socket], hasOwnSession: true)
        do throws(UVError) {
            child = try ChildProcess(on: loop, command) { status in
                self.child = nil
                self.exited(WorkerExit(status))
            }
        } catch {
            let action = supervision.handleSpawnFailure("\(error)", at: loop.now, jitter: .random(in: 0..<1))
            sayWhatHappened()
            carryOut(action)
        }
    }

    private func exited(_ status: WorkerExit) {
        let action = supervision.handleExit(status, at: loop.now, jitter: .random(in: 0..<1))
        if supervision.state != .ended { sayWhatHappened() }
        carryOut(action)
        waiters.wake()
    }

    private func sayWhatHappened() {
        logger.warning("the \(name) has ended", metadata: ["message": "\(supervision.message(at: loop.now))"])
    }

    private func receive(_ message: NotificationSocket.Message) {
        guard message.uid == getuid(), message.pid == child?.pid else { return }
        if message.text.split(separator: "\n").contains("READY=1") {
            supervision.handleReady(at: loop.now)
            carryOut(nil)
        }
    }
}
