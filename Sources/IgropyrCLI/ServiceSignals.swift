import Glibc
import IgropyrUV

/// What an operator asks of a service by signals.
enum ServiceOrder: Sendable {
    /// SIGTERM, SIGQUIT or Ctrl-C, or the end of the terminal that the program was started from: end after what is under way.
    /// Again: at once.
    case end
    /// SIGHUP: read configuration and certificates anew.
    case reload
    /// SIGUSR1: write to files of the logs' names, which may have been moved away.
    case reopenLogs
    /// SIGUSR2: let a new process of the program take over.
    case upgrade
}

/// Hears a service's signals, from ``start()`` to ``close()``.
actor ServiceSignals: LoopBound {
    nonisolated let loop: EventLoop
    /// One consumer only. Who is slow gets the last eight; that to end is the last of all.
    nonisolated let orders: AsyncStream<ServiceOrder>
    private let order: AsyncStream<ServiceOrder>.Continuation
    private var watchers: [SignalWatcher] = []
    private let terminal = StartingTerminal()
    private var isEnding = false
    private let waiters = WaitingTasks()

    init(on loop: EventLoop) {
        self.loop = loop
        (orders, order) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(8))
    }

    func start() throws(UVError) {
        for signal in [SIGINT, SIGTERM, SIGQUIT] { try watch(signal) { self.end() } }
        try watch(SIGHUP) { self.hangUp() }
        try watch(SIGUSR1) { self.pass(.reopenLogs) }
        try watch(SIGUSR2) { self.pass(.upgrade) }
    }

    private func watch(_ signal: Int32, _ onSignal: @escaping () -> Void) throws(UVError) {
        watchers.append(try SignalWatcher(on: loop, signal: signal, onSignal: onSignal))
    }

    private func end() {
        guard !isEnding else { _exit(130) }
        requestEnd()
    }

    private func hangUp() {
        if terminal.isGone { requestEnd() } else { pass(.reload) }
    }

    /// Orders the end, signal or not.
    func requestEnd() {
        pass(.end)
        isEnding = true
        waiters.wake()
    }

    private func pass(_ order: ServiceOrder) {
        guard !isEnding else { return }
        self.order.yield(order)
    }

    /// Returns once the order to end is there, or the task is cancelled. It comes by ``orders``, too.
    func waitForEnd() async { await waiters.wait(on: loop) { !isEnding } }

    /// Signals have their usual effect again.
    func close() {
        for watcher in watchers { watcher.close() }
        watchers = []
    }
}
