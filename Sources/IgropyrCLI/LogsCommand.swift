import ArgumentParser
import Glibc
import IgropyrCluster
import IgropyrText
import IgropyrUV

struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show what workers print, from whatever host; or follow it.",
        discussion: """
            The last lines of each; the files themselves lie in the hosts' data folders.
            On a terminal control characters are blanks, but for tabs and colours; a file
            or another program gets all as it was printed.

              igropyr logs shop
              igropyr logs shop --lines 1000 | grep ERROR
              igropyr logs shop --lines 0 --follow
              igropyr logs shop/host-2/0 --follow --json | jq -r .text

            Exit code 2: not all hosts could be asked.
            """)

    @Argument(help: "APP, APP/HOST or APP/HOST/INDEX.", transform: WorkerTarget.init(_:))
    var target: WorkerTarget

    @Option(name: [.long, .customShort("n")], help: "How many lines of each worker, from the end.")
    var lines = 100

    @Flag(name: .shortAndLong, help: "Go on with what is printed from now on, until Ctrl-C.")
    var follow = false

    @Flag(help: "For programs: one line for each.")
    var json = false

    @OptionGroup var control: ControlOptions

    func validate() throws {
        guard lines >= 0 else { throw ValidationError("--lines is 0 or more.") }
    }

    func run() async throws {
        let (target, lines, follow, json) = (target, lines, follow, json)
        let ask: @Sendable (ControlClient, SocketAddress) async throws -> Void = { client, node in
            let hosts = try target.hosts(in: try await client.status(of: node))
            let unheard = await withTaskGroup(of: String?.self) { group in
                for host in hosts {
                    group.addTask { await Self.tell(host, target, lines, follow, json, client) }
                }
                return await group.reduce(into: []) { $0 += [$1].compactMap(\.self) }
            }
            try Task.checkCancellation()
            guard unheard.isEmpty else {
                StandardError.write(unheard.joined(separator: "\n") + "\n")
                throw ExitCode.incomplete
            }
        }
        if follow { try await control.following(ask) } else { try await control.withClient(ask) }
    }

    /// - Returns: What went wrong, if anything did.
    private static func tell(
        _ host: SocketAddress, _ target: WorkerTarget, _ lines: Int, _ follow: Bool, _ json: Bool,
        _ client: ControlClient
    ) async -> String? {
        do {
            try await client.logs(
                target.application, index: target.index, lines: lines, follow: follow, of: host
            ) { line in
                Terminal.write((json ? JSONText.line(line) : Self.text(of: line)) + "\n")
            }
            return nil
        } catch { return error.code == .cancelled ? nil : error.description }
    }

    private static func text(of line: LogLine) -> String {
        let text = Terminal.isTerminal(STDOUT_FILENO) ? TerminalText.harmless(line.text) : line.text
        return "\(line.host)/\(line.index)  \(text)"
    }
}
