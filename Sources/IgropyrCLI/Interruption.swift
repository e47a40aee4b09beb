import Glibc
import IgropyrUV

/// The user's wish to end: Ctrl-C or SIGTERM; also the terminal's end. Or that the program be replaced: SIGUSR2.
actor Interruption: LoopBound {
    enum Wish { case end, upgrade }

    nonisolated let loop: EventLoop
    private var watchers: [SignalWatcher] = []
    private let waiters = WaitingTasks()
    private var wishes: [Wish] = []

    init(on loop: EventLoop) { self.loop = loop }

    /// From here on, the first signal is heard by ``wait()``; a second one ends the process at once.
    func start(mayUpgrade: Bool = false) throws(UVError) {
        if mayUpgrade { watchers.append(try SignalWatcher(on: loop, signal: SIGUSR2) { self.arrive(.upgrade) }) }
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            watchers.append(try SignalWatcher(on: loop, signal: signal) { self.receive() })
        }
    }

    /// The next wish; that to end stays.
    @discardableResult
    func wait() async -> Wish {
        await waiters.wait { wishes.isEmpty }
        if wishes.contains(.end) { return .end }
        return wishes.removeFirst()
    }

    /// Lets ``wait()`` return, signal or not.
    func arrive(_ wish: Wish = .end) {
        if !wishes.contains(wish) { wishes.append(wish) }
        waiters.wake()
    }

    /// Signals have their usual effect again.
    func close() {
        for watcher in watchers { watcher.close() }
        watchers = []
    }

    private func receive() {
        guard !wishes.contains(.end) else { _exit(130) }
        arrive()
    }
}
