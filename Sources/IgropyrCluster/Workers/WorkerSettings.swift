internal import FoundationEssentials
internal import IgropyrOrchestration
internal import IgropyrUV

/// How a node starts its workers.
public struct WorkerSettings: Sendable {
    /// What makes a new process a worker and then becomes its program; ``Launcher`` gets `-- PROGRAM …` after these
    /// words. The first is a path.
    public var launcher: [String]
    /// What ends the workers of an agent that died, before `--parent PID --data FOLDER` (``Keeper``); nil: nobody does.
    public var keeper: [String]?
    /// What serves a folder of files; the application's arguments and the folder follow.
    public var siteServer: [String]
    /// What workers get of the node's own environment, beside what their deployment says.
    public var environment: [String: String]

    /// Takes this program itself for both.
    public init() {
        // The path in words, so that process lists can be read; `exe` alone still works once the file was replaced.
        let program = (try? FileSystem.resolved("/proc/self/exe")) ?? "/proc/self/exe"
        self.init(launcher: [program, "launch"], siteServer: [program, "serve"], keeper: [program, "keep"])
    }

    public init(launcher: [String], siteServer: [String], keeper: [String]? = nil) {
        precondition(!launcher.isEmpty && !siteServer.isEmpty)
        self.launcher = launcher
        self.siteServer = siteServer
        self.keeper = keeper
        environment = ProcessInfo.processInfo.environment.filter { Self.inherited.contains($0.key) }
    }

    private static let inherited: Set = ["PATH", "HOME", "LANG", "TZ"]
}

/// What a worker, and whoever looks after it, finds around itself.
struct WorkerSurroundings {
    var slot: WorkerSlot
    var spec: WorkerSpec
    var confines: Confines
    var secrets: [String: String] = [:]
    var topics: String?

    /// Who it is wins over the deployment's variables, and those over the node's.
    func environment(_ settings: WorkerSettings) -> [String: String] {
        let basics = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/"]
        var own = ["TMPDIR": confines.temporaryFolder]
        // The node's home is not for others.
        if confines.user != nil || confines.view != nil { own["HOME"] = confines.temporaryFolder }
        own["CREDENTIALS_DIRECTORY"] = confines.secretFolder
        var identity = [
            "IGROPYR_APPLICATION": slot.application.rawValue, "IGROPYR_HOST": slot.host.rawValue,
            "IGROPYR_WORKER": "\(slot.index)", Confines.variable: confines.text,
        ]
        identity["IGROPYR_TOPICS"] = topics
        return [settings.environment, own, spec.environment, secrets, identity].reduce(basics) { $0.merging($1) { $1 } }
    }
}

/// One start of a worker: what it is and what it gets.
struct WorkerCommand {
    var surroundings: WorkerSurroundings
    /// The unpacked bundle.
    var folder: String
    /// The path of its program; nil for a site.
    var entry: String?
    var port: UInt16
    /// Of the socket on which the node hears it.
    var notificationAddress: String

    func program(_ settings: WorkerSettings) -> [String] {
        let arguments = surroundings.spec.arguments
        return if let entry { [entry] + arguments } else { settings.siteServer + arguments + [folder] }
    }

    /// The contract's variables win over all others.
    func environment(_ settings: WorkerSettings) -> [String: String] {
        var contract = [
            "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http", "NOTIFY_SOCKET": notificationAddress, "PORT": "\(port)",
        ]
        contract[WorkerKeys.variable] = surroundings.confines.keyFile
        contract["WATCHDOG_USEC"] = surroundings.spec.watchdogMilliseconds.map { "\($0)000" }
        return surroundings.environment(settings).merging(contract) { $1 }
    }

    /// For descriptors: standard input is empty, both outputs are the log, and 3 is the listening socket.
    func command(_ settings: WorkerSettings, log: Int32, socket: Int32) -> ChildProcess.Command {
        ChildProcess.Command(
            executable: settings.launcher[0],
            arguments: settings.launcher.dropFirst() + Launcher.arguments(for: program(settings)),
            environment: environment(settings), directory: folder, descriptors: [nil, log, log, socket],
            hasOwnSession: true)
    }
}
