internal import Glibc

/// Hears a program's signals, from ``start()`` to ``close()``.
public actor ServiceSignals: LoopBound {
    /// All that may mean an order to a program.
    public static let numbers = [SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2]

    public nonisolated let loop: EventLoop
    /// One consumer only. Who is slow gets the last eight, and that to end in any case; others may follow it, until
    /// ``close()``.
    public nonisolated let orders: AsyncStream<ServiceOrder>
    private let order: AsyncStream<ServiceOrder>.Continuation
    private let heard: Set<ServiceOrder>
    /// Nil for a program that outlives it.
    private let terminal: StartingTerminal?
    private var watchers: [SignalWatcher] = []
    /// Whether the order to end was there.
    public private(set) var isEnding = false
    private let waiters = WaitingTasks()

    /// Signals for other orders than those `heard` have their usual effect. A program that reads nothing anew at SIGHUP
    /// ends then.
    public init(
        on loop: EventLoop, hearing heard: Set<ServiceOrder> = Set(ServiceOrder.allCases),
        _ contract: ServiceContract = .inherited
    ) {
        self.loop = loop
        self.heard = heard
        terminal = contract.outlivesTerminal ? nil : StartingTerminal()
        (orders, order) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(8))
    }

    /// What the program before this one in the same process has held back, is heard, too. After a failure, ``close()``
    /// it.
    public func start() throws(UVError) {
        if heard.contains(.end) {
            for signal in [SIGINT, SIGTERM, SIGQUIT] { try watch(signal) { self.end() } }
        }
        if heard.contains(.reload) || heard.contains(.end) && terminal != nil {
            try watch(SIGHUP) { self.hangUp() }
        }
        if heard.contains(.reopenLogs) { try watch(SIGUSR1) { self.pass(.reopenLogs) } }
        if heard.contains(.upgrade) { try watch(SIGUSR2) { self.pass(.upgrade) } }
    }

    private func watch(_ signal: Int32, _ onSignal: @escaping () -> Void) throws(UVError) {
        watchers.append(try SignalWatcher(on: loop, signal: signal, onSignal: onSignal))
        var heard = sigset_t()
        unsafe sigemptyset(&heard)
        unsafe sigaddset(&heard, signal)
        unsafe pthread_sigmask(SIG_UNBLOCK, &heard, nil)
    }

    private func end() {
        guard !isEnding else { _exit(130) }
        beginEnding()
    }

    private func hangUp() {
        let isTerminalGone = heard.contains(.end) && terminal?.isGone ?? false
        if isTerminalGone || !heard.contains(.reload) { beginEnding() } else { pass(.reload) }
    }

    /// Orders the end, signal or not. For any thread, as long as the loop turns.
    public nonisolated func requestEnd() {
        loop.submit { self.assumeIsolated { $0.beginEnding() } }
    }

    private func beginEnding() {
        guard !isEnding else { return }
        isEnding = true
        pass(.end)
        waiters.wake()
    }

    private func pass(_ order: ServiceOrder) {
        if case .dropped(.end) = self.order.yield(order) { self.order.yield(.end) }
    }

    /// Returns once the order to end is there, or the task is cancelled. It comes by ``orders``, too.
    public func waitForEnd() async { await waiters.wait(on: loop) { !isEnding } }

    /// Signals have their usual effect again.
    public func close() {
        for watcher in watchers { watcher.close() }
        watchers = []
    }
}
