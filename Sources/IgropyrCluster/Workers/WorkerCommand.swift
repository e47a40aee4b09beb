internal import IgropyrOrchestration
internal import IgropyrUV

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
