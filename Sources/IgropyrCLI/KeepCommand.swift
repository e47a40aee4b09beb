import ArgumentParser
import IgropyrCluster

/// Ends the workers of a node that died; see ``Keeper``.
struct KeepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keep", abstract: "End a dead node's workers; the node calls this.", shouldDisplay: false)

    @Option var parent: Int32
    @Option var data: String

    func run() { Keeper.run(agent: parent, dataFolder: data) }
}
