internal import CLinux
internal import Glibc

/// What `igropyr launch [--parent PID] -- PROGRAM ARGUMENTS…` does in a new process before that becomes a worker: what
/// only the process itself can set. What of the files, limits and users it is to set comes as ``Confines``.
///
/// It finds its own number as `LISTEN_PID` and, if there is a watchdog, as `WATCHDOG_PID`. With a parent, it dies with
/// that (`PR_SET_PDEATHSIG`): not for workers, which outlive their agent until the next one has come or the ``Keeper``
/// ends them. Linux ties it to the parent's thread that started it: one on a loop that lives as long as its process, or
/// ends what it has started before it replaces its program. A `Lifeline` knows no threads, but wants a program that
/// follows it, as an operator's command does not.
public enum Launcher {
    /// Becomes the program; returns only by throwing. Takes what follows `launch` on the command line.
    public static func exec(_ arguments: [String]) throws(LauncherError) -> Never {
        let order = try Order(arguments)
        // Its own file may be out of sight once it is confined.
        let isOwn = (try? FileSystem.resolved("/proc/self/exe")) == order.command[0]
        try Confines.take()?.apply()
        // After the change of user, at which the kernel would forget it.
        if let parent = order.parent {
            guard igropyr_set_parent_death_signal(SIGKILL) == 0 else { throw .system("prctl", errno) }
            // The agent may have died before the line above: then nobody will send the signal.
            if getppid() != parent { exit(1) }
        }
        unsafe setenv("LISTEN_PID", "\(getpid())", 1)
        if unsafe getenv("WATCHDOG_USEC") != nil { unsafe setenv("WATCHDOG_PID", "\(getpid())", 1) }
        let failure = becomeOnceWritten(order.command)
        if isOwn { _ = become(order.command, at: "/proc/self/exe") }  // Which names the process `exe`.
        throw failure
    }

    /// As ``become(_:at:holding:)``. A program that was just written to the disk cannot run for as long as a process
    /// that was forked meanwhile holds it open: until that has become its own program.
    private static func becomeOnceWritten(_ command: [String]) -> LauncherError {
        var failure = become(command)
        for _ in 0..<300 where failure == .program(command[0], ETXTBSY) {
            usleep(10_000)
            failure = become(command)
        }
        return failure
    }

    /// Replaces this process's program, with no signal blocked but those `held`; returns only why it could not.
    static func become(_ command: [String], at path: String? = nil, holding held: [Int32] = []) -> LauncherError {
        var (blocked, old) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&blocked)
        for signal in held { unsafe sigaddset(&blocked, signal) }
        unsafe pthread_sigmask(SIG_SETMASK, &blocked, &old)
        var words = unsafe command.map { unsafe strdup($0) }
        unsafe words.append(nil)
        defer { for index in unsafe words.indices { unsafe free(words[index]) } }
        if path == nil, !command[0].contains("/") {
            unsafe execvp(command[0], &words)  // A command of an operator's.
        } else {
            unsafe execv(path ?? command[0], &words)
        }
        // A folder of PATH that the user may not enter is no answer.
        let isUnfound = errno == EACCES && !command[0].contains("/")
        let error = LauncherError.program(command[0], isUnfound ? ENOENT : errno)
        unsafe pthread_sigmask(SIG_SETMASK, &old, nil)
        return error
    }

    /// The command line of ``exec(_:)``.
    struct Order: Equatable {
        var parent: Int32?
        /// Never empty.
        var command: [String]

        init(_ arguments: [String]) throws(LauncherError) {
            var rest = arguments[...]
            if rest.first == "--parent" {
                guard let number = rest.dropFirst().first.flatMap({ Int32($0) }), number > 0 else { throw .usage }
                parent = number
                rest = rest.dropFirst(2)
            }
            guard rest.first == "--", rest.count > 1 else { throw .usage }
            command = Array(rest.dropFirst())
        }
    }

    /// The arguments by which this process has `command` launched.
    static func arguments(for command: [String], diesWithParent: Bool = false) -> [String] {
        (diesWithParent ? ["--parent", "\(getpid())"] : []) + ["--"] + command
    }
}

/// Why a worker's program did not start; goes to its log, in one line.
public enum LauncherError: Error, Hashable, CustomStringConvertible {
    case usage
    case system(String, Int32)
    case program(String, Int32)
    case confinement(String)

    public var description: String {
        switch self {
        case .usage: "usage: igropyr launch [--parent PID] -- PROGRAM [ARGUMENT…]; the node calls this, not people"
        case .system(let call, let number): "\(call): \(Self.reason(number))"
        case .confinement(let text): text
        case .program(let path, let number):
            "cannot run \(path): \(Self.reason(number))\(Self.advice(on: path, number))"
        }
    }

    private static func advice(on path: String, _ number: Int32) -> String {
        switch number {
        case ENOENT where path.contains("/") && FileSystem.exists(path):
            "; it is there, but not what its first line (#!) names, up to that line's very end, or a program's loader"
        case ETXTBSY: "; somebody has it open to write to it: put a new file in its place instead"
        case ENOEXEC: "; it is no program for this machine, and no script that begins with #!"
        default: ""
        }
    }

    private static func reason(_ number: Int32) -> String { unsafe String(cString: strerror(number)) }
}
