import FoundationEssentials
import Testing

extension EndToEnd {
    /// An example that is wrapped is no command any more.
    @Test func `the help of every command shows its lines as they are written`() async throws {
        let dump = try await Program.run([Binaries.igropyr, "--experimental-dump-help"])
        let tree = try JSONDecoder().decode(CommandTree.self, from: Data(dump.output.utf8))
        let commands = tree.command.commands(below: [])
        #expect(commands.count > 40)
        for (path, discussion) in commands {
            let help = try await Program.run([Binaries.igropyr] + path + ["--help"], environment: ["COLUMNS": "80"])
            let shown = Set(help.output.split(separator: "\n"))
            for line in discussion.split(separator: "\n") {
                #expect(shown.contains(line), "igropyr \(path.joined(separator: " "))")
            }
        }
    }

    /// A script that learned it of one command may rely on it for the others. What exec prints is another program's.
    @Test func `every command that asks a node can answer a program`() async throws {
        let dump = try await Program.run([Binaries.igropyr, "--experimental-dump-help"])
        let tree = try JSONDecoder().decode(CommandTree.self, from: Data(dump.output.utf8))
        let asking = tree.command.leaves(below: []).filter { $0.options.contains("node") }
        #expect(asking.count > 30)
        #expect(asking.filter { !$0.options.contains("json") }.map(\.path) == [["exec"]])
    }
}

/// What ArgumentParser tells of itself.
private struct CommandTree: Decodable {
    struct Command: Decodable {
        struct Argument: Decodable {
            var preferredName: Name?
        }

        struct Name: Decodable { var name: String }

        var commandName: String
        var discussion: String?
        var subcommands: [Command]?
        var arguments: [Argument]?

        /// Those without others below, each by the words that call it, with the names of its options.
        func leaves(below path: [String]) -> [(path: [String], options: Set<String>)] {
            guard let subcommands, !subcommands.isEmpty else {
                return [(path, Set((arguments ?? []).compactMap(\.preferredName?.name)))]
            }
            return subcommands.flatMap { $0.leaves(below: path + [$0.commandName]) }
        }

        /// This one and those below, each by the words that call it.
        func commands(below path: [String]) -> [(path: [String], discussion: String)] {
            [(path, discussion ?? "")]
                + (subcommands ?? []).flatMap { $0.commands(below: path + [$0.commandName]) }
        }
    }

    var command: Command
}
