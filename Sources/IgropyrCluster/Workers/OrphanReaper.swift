internal import Glibc
public import IgropyrUV
public import Logging

/// Sees to it that nothing of a worker outlives it: what leaves its session and loses its parent becomes a child of
/// this process, is killed once its worker is gone, and leaves no zombie.
///
/// For a program whose only children come from ``ChildProcess``; it takes the status of any other. For tasks on any
/// thread.
public actor OrphanReaper: LoopBound {
    public nonisolated let loop: EventLoop
    private let logger: Logger
    private var watcher: SignalWatcher?
    private let sweeps: CoalescedWork

    public init(on loop: EventLoop, logger: Logger) {
        self.loop = loop
        self.logger = logger
        sweeps = CoalescedWork(on: loop)
    }

    public func start() throws(UVError) {
        try ChildProcesses.becomeSubreaper()
        watcher = try SignalWatcher(on: loop, signal: SIGCHLD) { self.requestSweep() }
        requestSweep()
    }

    /// Once more when the last process has gone. SIGCHLD has its usual effect again.
    public func stop() async {
        requestSweep()
        await sweeps.finish()
        watcher?.close()
        watcher = nil
    }

    private func requestSweep() { sweeps.request { await self.sweep() } }

    private func sweep() async {
        let count = await loop.offload { ChildProcesses.killOrphans() }
        if count > 0 {
            logger.warning("killed processes that outlived their worker", metadata: ["count": "\(count)"])
        }
    }
}
