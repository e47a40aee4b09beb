internal import CLinux
internal import Glibc
internal import IgropyrOrchestration
internal import IgropyrTime
internal import IgropyrUV

/// What `igropyr keep` does in a process of its own beside an agent that has workers: should the agent die and no other
/// come in its place, it ends them, so that nothing runs that nobody looks after. It also holds the socket where
/// workers reach their node to talk to each other, until another agent takes it from there: what they say meanwhile
/// waits in it, and nobody else gets it to hear. Blocks; no loop.
public enum Keeper {
    /// How long the workers of a dead agent wait for another.
    public static let grace: Duration = .seconds(30)
    private static let pause: Duration = .milliseconds(200)

    /// To be called by a child of the agent. Returns when there is nothing more to keep.
    /// `notifications`: Where its workers tell their state, without the `@`, as this process is told, too.
    public static func run(
        agent parent: Int32, dataFolder: String, notifications: String? = toldNotifications, grace: Duration = grace
    ) {
        _ = igropyr_allow_tracing()  // Without which a user other than root could not take the socket under Yama.
        let agent = getppid() == parent ? ProcessIdentity(of: parent) : nil
        if let agent { waitForEnd(of: agent) }
        var (alone, followed) = (Duration.zero, Duration.zero)
        // Without the folder no other can come.
        while alone < grace, FileSystem.exists(dataFolder) {
            // One that fails in its start does not count.
            if hasSuccessor(agent, on: dataFolder) {
                followed += pause
            } else {
                (alone, followed) = (alone + pause, .zero)
            }
            if followed >= grace { return }
            sleep(pause)
        }
        if FileSystem.exists(dataFolder) { return endWorkers(on: dataFolder) }
        guard let notifications else { return }
        // Nothing else is known of them.
        WorkerLedger.killStrays(telling: notifications, except: [getpid()])
        WorkerPlace.removeAbandoned(by: dataFolder)
    }

    public static var toldNotifications: String? {
        guard let address = unsafe getenv("NOTIFY_SOCKET").map({ unsafe String(cString: $0) }) else { return nil }
        return address.hasPrefix("@") ? String(address.dropFirst()) : nil
    }

    private static func waitForEnd(of agent: ProcessIdentity) {
        let descriptor = igropyr_pidfd_open(agent.pid)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while ProcessIdentity(of: agent.pid) == agent, unsafe Glibc.poll(&poll, 1, -1) < 0, errno == EINTR {}
    }

    /// By the number in the folder's lock file: taking the lock to see whether it is free might keep an agent out.
    private static func hasSuccessor(_ agent: ProcessIdentity?, on dataFolder: String) -> Bool {
        guard let holder = DataFolder.holder(of: dataFolder).flatMap(ProcessIdentity.init(of:)) else { return false }
        return holder != agent
    }

    /// Ends what an agent that died has left on its folder: asks, and kills after the longest of the stop time-outs.
    public static func endWorkers(on dataFolder: String) {
        // Held to the end, so that no agent begins with workers that are about to die.
        guard FileSystem.exists(dataFolder), let folder = try? DataFolder(at: dataFolder),
            let ledger = WorkerLedger.read(from: folder.path)
        else { return }
        let longest = ledger.workers.map(\.spec.stopTimeout).max() ?? .zero
        let known = ledger.workers.map(\.process).filter(\.isRunning)
        for process in known { kill(process.pid, SIGTERM) }
        wait(for: known, longest)
        for process in known where process.isRunning { kill(-process.pid, SIGKILL) }
        WorkerLedger.killStrays(telling: ledger.notifications, except: [getpid()])
        wait(for: known, .seconds(5))  // For the kernel, which may have much memory to free.
        for place in ledger.workers.compactMap(\.place) { place.remove() }
        WorkerPlace.removeAbandoned(by: folder.path)
        WorkerLedger.remove(from: folder.path)
    }

    private static func wait(for processes: [ProcessIdentity], _ time: Duration) {
        let end = EventLoop.preciseNow.advanced(by: time)
        while processes.contains(where: \.isRunning), EventLoop.preciseNow < end { sleep(pause) }
    }

    private static func sleep(_ duration: Duration) { usleep(UInt32(clamping: duration.nanosecondsClamped / 1000)) }
}
