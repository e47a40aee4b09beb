import FoundationEssentials
import Glibc
import Synchronization

/// A running process, leader of a group of its own; what it prints goes to files. Dropped, it is killed with its group.
final class Program: Sendable {
    let pid: pid_t
    private let folder: ScratchFolder
    private let status = Mutex<Int32?>(nil)

    /// Starts `command`, found on the `PATH`, with `environment` on top of this process's own.
    init(_ command: [String], environment: [String: String] = [:]) throws {
        folder = try ScratchFolder()
        pid = try Self.spawn(command, environment, printingTo: folder.path)
    }

    /// Runs a command to its end.
    static func run(
        _ command: [String], environment: [String: String] = [:]
    ) async throws -> Outcome {
        try await Program(command, environment: environment).finish()
    }

    deinit {
        if exitStatus == nil {
            signal(SIGKILL)
            var ignored: Int32 = 0
            waitpid(pid, &ignored, 0)
        }
        kill(-pid, SIGKILL)  // What the leader left behind.
    }

    /// As shells say it: 128 + N for an end by signal N. Nil while it runs.
    var exitStatus: Int32? {
        status.withLock { status in
            var word: Int32 = 0
            if status == nil, waitpid(pid, &word, WNOHANG) == pid {
                status = word & 0x7f == 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f)
            }
            return status
        }
    }

    var output: String { read("out") }
    var errors: String { read("err") }

    func signal(_ number: Int32) { kill(pid, number) }

    /// - Throws: ``TimedOut``, with what it has printed so far.
    func finish(within limit: Duration = .seconds(120)) async throws -> Outcome {
        let status = try await eventually("process \(pid) ends", within: limit, or: errors) { exitStatus }
        return Outcome(status: status, output: output, errors: errors)
    }

    private func read(_ name: String) -> String {
        guard let data = FileManager.default.contents(atPath: "\(folder.path)/\(name)") else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    private static func spawn(
        _ command: [String], _ environment: [String: String], printingTo folder: String
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "\(folder)/out", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, "\(folder)/err", O_WRONLY | O_CREAT | O_APPEND, 0o600)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        // The threads that tests run on block all signals.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)

        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var pairs: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for string in arguments + pairs { free(string) } }

        var pid: pid_t = 0
        let result = posix_spawnp(&pid, command[0], &actions, &attributes, &arguments, &pairs)
        guard result == 0 else { throw Failure("cannot run \(command[0]): \(String(cString: strerror(result)))") }
        return pid
    }
}

/// How a program ended, and what it printed.
struct Outcome: CustomStringConvertible {
    var status: Int32
    var output: String
    var errors: String

    var description: String { "exit code \(status), output: \(output), errors: \(errors)" }
}
