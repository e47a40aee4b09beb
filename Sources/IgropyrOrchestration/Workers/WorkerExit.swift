/// How a process ended.
public enum WorkerExit: Hashable, Sendable, CustomStringConvertible {
    public enum MemoryLimit: Sendable {
        /// The deployment's.
        case own
        /// That of the machine, or of what the node itself was started in.
        case shared
    }

    case code(Int32)
    case signal(Int32)
    /// The kernel killed it.
    case outOfMemory(MemoryLimit)
    /// It was another agent's child: how it ended nobody knows. Counts as a failure.
    case unknown

    public var isFailure: Bool { self != .code(0) }

    public var description: String {
        switch self {
        case .code(let code): "exited with \(code)"
        case .signal(let number): "was ended by " + (Self.signalNames[number] ?? "signal \(number)")
        case .outOfMemory(.own): "was killed at the limit of its memory (limits: memory in its igropyr.yaml)"
        case .outOfMemory(.shared): "was killed for memory that the host, or the node's service, no longer had"
        case .unknown: "ended"
        }
    }

    /// Linux's numbers of signals that end processes in practice.
    private static let signalNames: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
        9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
        31: "SIGSYS",
    ]
}

extension Duration {
    /// For people: `12 ms`, `3.2 s`, `5 min`; cut off, not rounded.
    package var brief: String {
        let milliseconds = max(0, components.seconds) * 1000 + max(0, components.attoseconds) / 1_000_000_000_000_000
        return switch milliseconds {
        case ..<1000: "\(milliseconds) ms"
        case ..<10_000 where milliseconds % 1000 >= 100: "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
        case ..<120_000: "\(milliseconds / 1000) s"
        default: "\(milliseconds / 60_000) min"
        }
    }
}
