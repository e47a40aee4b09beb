import ArgumentParser
import IgropyrCluster

/// Becomes a worker's program; see ``Launcher``.
struct LaunchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "launch", abstract: "Start a worker's program; the node calls this.", shouldDisplay: false)

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() throws { try Launcher.exec(arguments) }
}
