internal import Glibc
internal import IgropyrOrchestration
internal import IgropyrTime
internal import IgropyrUV

/// `workers.json` in a node's data folder: the processes that run, so that the next agent goes on with them, whether
/// this one was replaced or died. It is there before the first of them: by the address that they are told, the next
/// agent knows also those that this one had started and not written down. All calls block.
struct WorkerLedger: Hashable, Codable, Sendable {
    struct Entry: Hashable, Codable, Sendable {
        var slot: WorkerSlot
        var spec: WorkerSpec
        var process: ProcessIdentity
        var memory: Supervision.Memory
        var startedAt: UnixTime?
        var port: UInt16
        /// The number of its listening socket (``ListeningSocket/inode(of:)``).
        var socket: UInt64?
        var place: WorkerPlace?
    }

    /// What all versions have.
    private struct Head: Decodable {
        var boot: String
        var notifications: String
    }

    static let name = "workers.json"
    private static let currentVersion = 1
    private static let limitBytes = 64 << 20

    /// Of the format.
    private var version = currentVersion
    /// Numbers of processes mean nothing after another start of the machine.
    var boot = ProcessStatus.boot
    /// Where the workers tell their state: the name of a ``NotificationSocket``.
    let notifications: String
    var workers: [Entry]
    /// Holds ``TopicAddress/socket``.
    var keeper: ProcessIdentity?

    init(notifications: String, workers: [Entry] = [], keeper: ProcessIdentity? = nil) {
        self.notifications = notifications
        self.workers = workers
        self.keeper = keeper
    }

    /// What an agent left on this folder; nil if there is nothing that runs, or nothing that can be read. Of another
    /// edition's it has no workers, and all processes count as strays.
    static func read(from path: String) -> WorkerLedger? {
        guard let bytes = try? AtomicFile.read("\(path)/\(name)", limitBytes: limitBytes),
            let head = try? JSON.decode(Head.self, from: bytes), head.boot == ProcessStatus.boot
        else { return nil }
        let ledger = try? JSON.decode(WorkerLedger.self, from: bytes)
        guard let ledger, ledger.version == currentVersion else {
            return WorkerLedger(notifications: head.notifications)
        }
        return ledger
    }

    func write(to path: String) throws {
        try AtomicFile.write(try JSON.encode(self), to: "\(path)/\(Self.name)", permissions: 0o600)
    }

    static func remove(from path: String) { try? FileSystem.removeTree("\(path)/\(name)") }

    /// Kills ``strays(telling:except:)`` and waits until they have ended, for five seconds at most: whoever looks at
    /// this process's children next is not to take them for something else.
    static func killStrays(telling notifications: String, except known: Set<Int32>) {
        let end = EventLoop.preciseNow.advanced(by: .seconds(5))
        while true {
            let strays = strays(telling: notifications, except: known)
            for stray in strays { kill(stray.identity.pid, SIGKILL) }
            guard !strays.isEmpty, EventLoop.preciseNow < end else { return }
            usleep(1000)
        }
    }

    /// Processes that were started to tell their state there, or to look after those, but no longer anybody knows of:
    /// their agent died before it wrote them down.
    private static func strays(telling notifications: String, except known: Set<Int32>) -> [ProcessStatus] {
        ProcessStatus.all().filter { process in
            !known.contains(process.identity.pid) && !known.contains(process.session) && !process.isZombie
                && ProcessStatus.variable("NOTIFY_SOCKET", of: process.identity.pid) == "@" + notifications
        }
    }
}
