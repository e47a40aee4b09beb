public import IgropyrUV

/// Why a balancer goes on though another was to take its place.
public enum SuccessionFailure: Error, Hashable, Sendable, CustomStringConvertible {
    case system(UVError)
    case ended(ChildProcess.Termination)
    /// It did not say `READY=1` in time, and was killed.
    case notReady(after: Duration)
    case stopped

    public var description: String {
        switch self {
        case .system(let error): "the new balancer cannot be started: \(error.reason)"
        case .ended(let how): "the new balancer \(how) before it was ready"
        case .notReady(let limit): "the new balancer was not ready after \(limit.components.seconds) s"
        case .stopped: "this balancer is stopping already"
        }
    }
}

extension Balancer {
    /// Starts a new process that takes this one's place: it gets the listening sockets, and these descriptors by their
    /// names, and says when it is ready. Stop this one then. Both serve meanwhile, so nobody is refused, and nothing
    /// that waits in a backlog is lost.
    ///
    /// The command's descriptors and what ``ServiceContract`` is about are set here; its program has to find its own
    /// number as `LISTEN_PID`, as `igropyr launch` sees to, and to say ``ServiceContract/notifyReady()``. Whoever
    /// started this process hears of the new one by `MAINPID`, which is the caller's to say. To be called on `loop`,
    /// which must live as long as the process.
    /// - Returns: the new process's number.
    public func startSuccessor(
        _ command: ChildProcess.Command, with others: [String: Int32] = [:], within limit: Duration,
        on loop: EventLoop
    ) async throws(SuccessionFailure) -> Int32 {
        let outcome: Result<Int32, SuccessionFailure> = await withCheckedContinuation { continuation in
            withSockets { sockets in
                guard !sockets.isEmpty else { return continuation.resume(returning: .failure(.stopped)) }
                Succession(limit) { continuation.resume(returning: $0) }
                    .begin(command, sockets, asked: askedAddresses, others, on: loop)
            }
        }
        return try outcome.get()
    }
}

/// One try to be succeeded, until it is decided.
private final class Succession {
    private let limit: Duration
    private var completion: ((Result<Int32, SuccessionFailure>) -> Void)?
    private var notifications: NotificationSocket?
    private var child: ChildProcess?
    private var timer: Timer?
    private var isGivenUp = false

    init(_ limit: Duration, _ completion: @escaping (Result<Int32, SuccessionFailure>) -> Void) {
        self.limit = limit
        self.completion = completion
    }

    func begin(
        _ command: ChildProcess.Command, _ sockets: [Int32], asked: [SocketAddress: SocketAddress],
        _ others: [String: Int32], on loop: EventLoop
    ) {
        do throws(UVError) {
            let notifications = try NotificationSocket(on: loop) { [self] in receive($0) }
            self.notifications = notifications
            let timer = try Timer(on: loop)
            self.timer = timer
            try timer.start(after: limit) { [self] in giveUp() }
            var command = command
            let contract = ServiceContract.inherited
            var others = others
            others[ServiceContract.lifelineName] = contract.lifeline
            command.give(sockets: sockets, others: others)
            command.environment.merge(contract.environment(ofSuccessorHeardAt: notifications.name, asked: asked)) { $1 }
            child = try ChildProcess(on: loop, command) { [self] in
                finish(.failure(isGivenUp ? .notReady(after: limit) : .ended($0)))
            }
        } catch {
            finish(.failure(.system(error)))
        }
    }

    private func receive(_ message: NotificationSocket.Message) {
        guard let child, !isGivenUp, message.pid == child.pid, message.text.split(separator: "\n").contains("READY=1")
        else {
            return
        }
        finish(.success(child.pid))
    }

    /// Over only once the process is gone: what it holds, such as the data folder, is wanted back.
    private func giveUp() {
        isGivenUp = true
        child?.signal(9 /* SIGKILL */)
    }

    private func finish(_ outcome: Result<Int32, SuccessionFailure>) {
        let completion = completion
        self.completion = nil
        notifications?.close()
        timer?.close()
        child?.close()
        (notifications, timer, child) = (nil, nil, nil)
        completion?(outcome)
    }
}
