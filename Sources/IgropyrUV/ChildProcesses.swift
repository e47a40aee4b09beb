internal import CLinux
internal import Glibc
internal import IgropyrText

/// The processes that ``ChildProcess`` knows of, and what is left of others: as the kernel has it, one table for the
/// whole process. For any thread.
public enum ChildProcesses {
    /// In the environment of a process and, unless they remove it, of all that come from it (systemd.exec(5)).
    public static let invocationVariable = "INVOCATION_ID"

    /// By their numbers, with their invocations.
    private static let known = Locked<[Int32: String]>([:])

    /// 128 bits at random in hexadecimal digits, as `INVOCATION_ID` wants them.
    public static func makeInvocation() -> String {
        Hexadecimal.text(UInt128.random(in: .min ... .max))
    }

    /// `body` starts a process and returns its number, or an error's code; nobody takes that for an orphan meanwhile.
    /// Of this process's descriptors it gets those that `body` gives it.
    static func start(_ invocation: String?, _ body: () -> Int32) -> Int32 {
        known.withLock { known in
            closeDescriptorsOnExec()
            let outcome = body()
            if outcome > 0 { known[outcome] = invocation ?? "" }
            return outcome
        }
    }

    /// We open all of ours that way. But this process may have been started with others, and libraries open some:
    /// Foundation, for one, while it writes a file.
    private static func closeDescriptorsOnExec() {
        guard igropyr_close_on_exec_from(3) != 0 else { return }
        // An older Linux. Numbers are given from below, so nobody inherits higher ones.
        for descriptor in Int32(3)..<1024 {
            let flags = fcntl(descriptor, F_GETFD)
            if flags >= 0 { _ = fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) }
        }
    }

    static func insert(_ pid: Int32, invocation: String?) { known.withLock { $0[pid] = invocation ?? "" } }
    static func remove(_ pid: Int32) { known.withLock { $0[pid] = nil } }

    /// Has processes whose parents end become this one's children, so that none escapes it (`PR_SET_CHILD_SUBREAPER`).
    public static func becomeSubreaper() throws(UVError) {
        try check(igropyr_become_child_subreaper(), errnoOf: "prctl")
    }

    /// Kills this process's children that neither ``ChildProcess`` has started nor any that it still knows of, and
    /// takes the zombies among them away. Reads `/proc`: not for a loop's thread. Nothing else here may wait for
    /// children.
    /// - Returns: How many were killed.
    public static func killOrphans() -> Int {
        let own = getpid()
        var killed = 0
        // Before and after the look at /proc: whoever was ending there is in the one, whoever was being started in the
        // other.
        let before = known.withLock { $0 }
        for process in ProcessStatus.all() where process.parent == own && before[process.identity.pid] == nil {
            let known = known.withLock { $0 }
            guard known[process.identity.pid] == nil else { continue }
            if process.isZombie {
                waitpid(process.identity.pid, nil, WNOHANG)
            } else if !belongs(process, to: known) {
                kill(process.identity.pid, SIGKILL)
                killed += 1
            }
        }
        return killed
    }

    private static func belongs(_ process: ProcessStatus, to known: [Int32: String]) -> Bool {
        if known[process.session] != nil { return true }
        guard let invocation = ProcessStatus.invocation(of: process.identity.pid) else { return false }
        return known.values.contains(invocation)
    }
}
