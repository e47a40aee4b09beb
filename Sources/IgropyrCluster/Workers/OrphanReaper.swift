internal import Glibc
public import IgropyrUV
public import Logging

/// Sees to it that nothing of a worker outlives it: what leaves its session and loses its parent becomes a child of this
/// process, is killed once its worker is gone, and leaves no zombie.
///
/// For a program whose only children come from ``ChildProcess``; it takes the status of any other. For tasks on any thread.
public actor OrphanReaper: LoopBound {
    public nonisolated let loop: EventLoop
    private let logger: Logger
    private var watcher: SignalWatcher?
    private var sweeping: Task<Void, Never>?
    private var mustSweep = false

    public init(on loop: EventLoop, logger: Logger) {
        self.loop = loop
        self.logger = logger
    }

    public func start() throws(UVError) {
        try ChildProcesses.becomeSubreaper()
        watcher = try SignalWatcher(on: loop, signal: SIGCHLD) { self.sweep() }
        sweep()
    }

    /// Once more when the last process has gone. SIGCHLD has its usual effect again.
    public func stop() async {
        sweep()
        while let sweeping { await sweeping.value }
        watcher?.close()
        watcher = nil
    }

    /// Soon, and once for all signals until then.
    private func sweep() {
        mustSweep = true
        guard sweeping == nil else { return }
        sweeping = Task(executorPreference: loop) { await self.sweepAll() }
    }

    private func sweepAll() async {
        while mustSweep {
            mustSweep = false
            let count = await loop.offload { ChildProcesses.killOrphans() }
            if count > 0 {
                logger.warning("killed processes that outlived their worker", metadata: ["count": "\(count)"])
            }
        }
        sweeping = nil
    }
}
