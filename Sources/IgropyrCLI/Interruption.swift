import Glibc
import IgropyrUV

/// The user's wish to end: Ctrl-C or SIGTERM; also the terminal's end.
actor Interruption: LoopBound {
    nonisolated let loop: EventLoop
    private var watchers: [SignalWatcher] = []
    private let waiters = WaitingTasks()
    private var hasArrived = false

    init(on loop: EventLoop) { self.loop = loop }

    /// From here on, the first signal is heard by ``wait()``; a second one ends the process at once.
    func start() throws(UVError) {
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            watchers.append(try SignalWatcher(on: loop, signal: signal) { self.receive() })
        }
    }

    /// Returns once it has come.
    func wait() async { await waiters.wait { !hasArrived } }

    /// Lets ``wait()`` return, signal or not.
    func arrive() {
        hasArrived = true
        waiters.wake()
    }

    /// Signals have their usual effect again.
    func close() {
        for watcher in watchers { watcher.close() }
        watchers = []
    }

    private func receive() {
        guard !hasArrived else { _exit(130) }
        arrive()
    }
}
