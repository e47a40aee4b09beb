import ArgumentParser
import Glibc

@main
struct IgropyrCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "igropyr",
        abstract: "Serves HTTP on a few machines as if they were one.",
        discussion: """
            A cluster in four commands:

              (umask 077; igropyr keygen > cluster.key)
              igropyr node --bind 10.0.0.1 --key-file cluster.key
              igropyr balancer --listen 0.0.0.0:8080 --bind 10.0.0.1:7950 \\
                  --key-file cluster.key --join 10.0.0.1
              igropyr deploy ./app --name app --node 10.0.0.1 --key-file cluster.key

            And a fifth on each host that is added; it serves its share at once:

              igropyr node --bind 10.0.0.2 --key-file cluster.key --join 10.0.0.1

            To see all of it on this machine: igropyr demo

            Exit codes: 0 done; 1 failed, and the message says why and what to do;
            2 done in part: not all members did, or none is as asked for (members,
            query, keys, reachability, audit, plan, logs, top), or a rollout or drain
            waits; 64 the command itself is malformed.

            Commands that ask a node take --json, all but exec: standard output then
            has JSON only, one value, or one in each line of what goes on.
            """,
        version: Version.text,
        subcommands: [
            DemoCommand.self, NodeCommand.self, BalancerCommand.self, ServeCommand.self, DeployCommand.self,
            AppsCommand.self, RemoveCommand.self, SecretCommand.self, CertificateCommand.self, StatusCommand.self,
            MembersCommand.self,
            EventCommand.self, QueryCommand.self, KeysCommand.self, ReachabilityCommand.self, RTTCommand.self,
            LeaveCommand.self, ForceLeaveCommand.self, RollbackCommand.self, HistoryCommand.self, PauseCommand.self,
            ResumeCommand.self, PromoteCommand.self, RestartCommand.self, RetryCommand.self, ScaleCommand.self,
            PlanCommand.self, DrainCommand.self, CordonCommand.self, UncordonCommand.self, AuditCommand.self,
            LogsCommand.self, ExecCommand.self, TopCommand.self, ExplainCommand.self, KeygenCommand.self,
            TokenCommand.self,
            LaunchCommand.self, KeepCommand.self,
        ])

    /// The first thread only waits, and blocks what signals it was started with blocked: in `dispatchMain()`, where an
    /// `async` one goes, it would let them through before they are heard.
    static func main() {
        Task.detached { await perform() }
        while true { pause() }
    }

    /// As the library does it, but that a malformed command gets one line, not a page.
    private static func perform() async {
        // Swift reads the command line there, and takes it for an empty one if it cannot.
        guard !CommandLine.arguments.isEmpty else {
            StandardError.write(
                "Error: /proc is not mounted here, and without it no command line can be read: "
                    + "mount -t proc proc /proc\n", .error)
            end(.failure)
        }
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            end(.success)
        } catch {
            let code = exitCode(for: error)
            guard code == .validationFailure else {
                let text = fullMessage(for: error)
                if !text.isEmpty { code.isSuccess ? print(text) : StandardError.write("\(text)\n", .error) }
                end(code)
            }
            if let unknown = unknownCommand {
                StandardError.write(
                    "Error: there is no command \(unknown); igropyr --help lists those that there are\n", .error)
            } else {
                let reason = message(for: error).split(separator: "\n").first ?? "the command is malformed"
                StandardError.write(
                    "Error: \(reason) (igropyr COMMAND --help shows how it is written)\n",
                    .error)
            }
            end(code)
        }
    }

    /// What stands where a command should; nil if one does.
    private static var unknownCommand: String? {
        guard let first = CommandLine.arguments.dropFirst().first, !first.hasPrefix("-"), first != "help" else {
            return nil
        }
        return configuration.subcommands.contains { $0.configuration.commandName == first } ? nil : "\"\(first)\""
    }

    /// Without what C libraries do in `exit(3)`: they would end their threads, and free what others still use. What
    /// cannot be printed is a failure, lest `keygen > cluster.key` leave an empty file on a full disk; not so if who
    /// read it has enough.
    private static func end(_ code: ExitCode) -> Never {
        guard Terminal.hasWrittenAll || Terminal.isAbandoned else {
            StandardError.write("Error: the output cannot be written whole: is the disk full?\n", .error)
            _exit((code.isSuccess ? .failure : code).rawValue)
        }
        _exit(code.rawValue)
    }
}

extension ExitCode {
    /// What was asked for was done in part; the messages before say what is missing.
    static let incomplete = ExitCode(2)
}

enum Version {
    static let text = "2.0.0-dev"
}
