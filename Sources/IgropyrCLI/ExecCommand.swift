import ArgumentParser
import Glibc
import IgropyrCluster
import IgropyrUV

struct ExecCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Run a command beside a worker, on its host: with its files, environment, secrets, user and limits.",
        discussion: """
            What it prints comes here as it is, and its exit code is this command's; but
            on a terminal control characters are blanks, but for tabs and colours. It
            has no input and no terminal; Ctrl-C ends it. Without a host, it runs on one
            of them. Who ran what stands in igropyr audit.

              igropyr exec shop -- ./migrate --dry-run
              igropyr exec shop/host-2 -- sh -c 'df -h .; env'
              igropyr exec shop/host-2/0 -- tar -c . > shop.tar

            Exit codes beside the command's own: 128 and the signal's number if one killed
            it; 1 if it was not started, and the message says why.
            """)

    @Argument(help: "APP, APP/HOST or APP/HOST/INDEX.", transform: WorkerTarget.init(_:))
    var target: WorkerTarget

    @Argument(parsing: .postTerminator, help: "After --, the program and its arguments.")
    var command: [String] = []

    @OptionGroup var control: ControlOptions

    func validate() throws {
        guard !command.isEmpty else { throw ValidationError("The command is missing: igropyr exec APP -- COMMAND.") }
    }

    func run() async throws {
        let (target, command) = (target, command)
        try await control.following(endsWithReader: false) { client, node in
            let host = try target.hosts(in: try await client.status(of: node))[0]
            let ending = Locked<ExecLine?>(nil)
            let (output, errors) = (CommandOutput(STDOUT_FILENO), CommandOutput(STDERR_FILENO))
            defer {
                output.finish()
                errors.finish()
            }
            try await client.exec(command, beside: target.application, index: target.index, of: host) { line in
                switch line {
                case .output(let bytes): return output.write(bytes)
                case .errors(let bytes): return errors.write(bytes)
                case .exited, .killed, .failed:
                    ending.withLock { $0 = line }
                    return false
                }
            }
            throw Self.outcome(ending.withLock { $0 }, node: host)
        }
        throw ExitCode(128 + SIGINT)
    }

    private static func outcome(_ ending: ExecLine?, node: SocketAddress) -> any Error {
        switch ending {
        case .exited(let code): ExitCode(code)
        case .killed(let signal): ExitCode(128 + signal)
        case .failed(let reason): CommandFailure("the command was not started: \(reason)")
        default: CommandFailure("the node at \(node) has ended, or nobody reads what the command prints")
        }
    }
}
