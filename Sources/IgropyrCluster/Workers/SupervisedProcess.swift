internal import Glibc
internal import IgropyrOrchestration
internal import IgropyrTime
internal import IgropyrUV

/// A program that is to run: carries out on one process after the other what ``Supervision`` decides. Stays on its
/// loop.
///
/// Its owner makes the process: each call of `onStart` is to be answered by ``run(_:)`` or ``fail(_:)``, at once or
/// later.
final class SupervisedProcess {
    private let loop: EventLoop
    private let timer: Timer
    private(set) var supervision: Supervision
    private(set) var child: ChildProcess?
    /// How many there were before `child`.
    private var number = 0
    /// One that has handed over to `child` and drains.
    private var retired: ChildProcess?
    /// When the present process started, by the wall clock.
    private(set) var startedAt: UnixTime?
    /// The present process said `STOPPING=1`.
    private(set) var saysStopping = false
    private let onStart: () -> Void
    private let onReady: (() -> Void)?
    private let exit: (ChildProcess.Termination) -> WorkerExit
    /// Told whether it served until then.
    private let onExit: (Bool) -> Void
    private let onChange: () -> Void

    /// With `onReady`, that is called in place of believing `READY=1`: its owner tells by ``becameReady()``. Calls
    /// `onExit` after a process has ended, or could not be started, and `onChange` after that and each other change.
    /// `exit`: What its owner knows about the end of one.
    init(
        _ supervision: Supervision, on loop: EventLoop, onStart: @escaping () -> Void, onReady: (() -> Void)? = nil,
        exit: @escaping (ChildProcess.Termination) -> WorkerExit = { WorkerExit($0) },
        onExit: @escaping (Bool) -> Void, onChange: @escaping () -> Void
    ) throws(UVError) {
        self.supervision = supervision
        self.loop = loop
        self.onStart = onStart
        self.onReady = onReady
        self.exit = exit
        self.onExit = onExit
        self.onChange = onChange
        timer = try Timer(on: loop)
    }

    var isReady: Bool { if case .ready = supervision.state { true } else { false } }

    var isEnded: Bool { supervision.state == .ended && child == nil && retired == nil }

    // MARK: - Orders

    func start() { carryOut(supervision.handleStart(at: loop.now)) }
    func stop() { carryOut(supervision.handleStop(at: loop.now)) }

    func judge(isQuarantined: Bool) {
        let before = supervision
        let action = supervision.handleVerdict(isQuarantined: isQuarantined, at: loop.now)
        if supervision != before { carryOut(action) }
    }

    /// Starts the process that `onStart` asked for, unless it was stopped meanwhile.
    func run(_ command: ChildProcess.Command) {
        guard case .starting = supervision.state else { return exited(.signal(SIGTERM)) }
        var command = command
        command.environment[ChildProcesses.invocationVariable] = ChildProcesses.makeInvocation()
        saysStopping = false
        do throws(UVError) {
            let number = nextNumber()
            child = try ChildProcess(on: loop, command) { self.childDidExit(number, $0) }
            startedAt = .now
            onChange()
        } catch { fail("\(error)") }
    }

    /// There is no process to be had.
    func fail(_ reason: String) {
        guard case .starting = supervision.state else { return exited(.signal(SIGTERM)) }
        let action = supervision.handleSpawnFailure(reason, at: loop.now, jitter: .random(in: 0..<1))
        onExit(false)
        carryOut(action)
    }

    /// Goes on with a process that runs already.
    /// - Throws: if it runs no more.
    func adopt(
        _ process: ProcessIdentity, _ memory: Supervision.Memory, startedAt: UnixTime? = nil
    ) throws(UVError) {
        let number = nextNumber()
        child = try ChildProcess(on: loop, adopting: process) { self.childDidExit(number, $0) }
        self.startedAt = startedAt
        supervision.handleAdoption(memory, at: loop.now)
        carryOut(nil)
    }

    func becameReady() {
        supervision.handleReady(at: loop.now)
        carryOut(nil)
    }

    /// What it lacks to be ready, for people.
    func lacks(_ what: String) { supervision.handleLack(what) }

    /// Its checks say so.
    func becameUnwell(_ why: String) { carryOut(supervision.handleUnwell(why, at: loop.now)) }

    /// It will never be what it is started for.
    func becameUnfit(_ why: String) { carryOut(supervision.handleUnfit(why)) }

    /// The process says how it is (sd_notify(3)). Who sent it is the caller's to check.
    func receive(_ message: NotificationSocket.Message) {
        let before = (supervision.state, saysStopping, number)
        for line in message.text.split(separator: "\n") {
            switch line {
            case "READY=1": if let onReady { onReady() } else { supervision.handleReady(at: loop.now) }
            case "WATCHDOG=1": supervision.handleAlive(at: loop.now)
            case "STOPPING=1": saysStopping = true
            default: if line.hasPrefix("MAINPID=") { follow(Int32(line.dropFirst(8)) ?? 0) }
            }
        }
        rearm()
        if before != (supervision.state, saysStopping, number) { onChange() }
    }

    /// Stops to look after the process, which goes on by itself.
    func close() {
        timer.close()
        child?.close()
        retired?.close()
    }

    // MARK: - Carrying out

    private func carryOut(_ action: Supervision.Action?) {
        switch action {
        case .start: onStart()
        case .terminate: child?.signal(SIGTERM)
        case .abort: child?.signal(SIGABRT)
        case .kill: child?.signalGroup(SIGKILL)
        case nil: break
        }
        rearm()
        onChange()
    }

    private func rearm() {
        guard let deadline = supervision.deadline else { return timer.cancel() }
        // Fails only once closed.
        try? timer.start(after: max(.zero, loop.now.duration(to: deadline))) {
            self.carryOut(self.supervision.handleTimeout(at: self.loop.now))
        }
    }

    private func nextNumber() -> Int {
        number += 1
        return number
    }

    private func childDidExit(_ number: Int, _ status: ChildProcess.Termination) {
        guard number == self.number else {
            retired = nil  // What it left in its group is its successor's.
            return onChange()
        }
        child?.killRemains()
        child = nil
        exited(exit(status))
    }

    private func exited(_ status: WorkerExit) {
        let hadServed = supervision.recordState == .ready && !saysStopping
        let action = supervision.handleExit(status, at: loop.now, jitter: .random(in: 0..<1))
        onExit(hadServed)
        carryOut(action)
    }

    /// The process has started another one, which takes its place; it ends by itself. Only its own child is believed
    /// in.
    private func follow(_ pid: Int32) {
        guard let old = child, retired == nil, let status = ProcessStatus(of: pid), status.parent == old.pid else {
            return
        }
        let number = number + 1
        let successor = try? ChildProcess(on: loop, adopting: status.identity) { self.childDidExit(number, $0) }
        guard let successor else { return }
        (retired, child, self.number) = (old, successor, number)
        startedAt = .now
        // The order to end was the old one's.
        if case .stopping = supervision.state { successor.signal(SIGTERM) }
    }
}

extension WorkerExit {
    init(_ status: ChildProcess.Termination) {
        self =
            switch status {
            case .exited(let code): .code(Int32(clamping: code))
            case .killed(let signal): .signal(signal)
            case .unknown: .unknown
            }
    }
}
