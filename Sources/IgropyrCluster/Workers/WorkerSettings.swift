internal import FoundationEssentials

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
    /// How many descriptors a worker may have at first (the soft limit) where its deployment does not say; nil: as many
    /// as the node. For a node that has raised its own: programs that wait by `select` break above 1024, and others go
    /// through all numbers.
    public var openFiles: Int?

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
