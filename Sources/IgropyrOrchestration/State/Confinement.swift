/// What a worker's process may have, and as whom it runs. Its host sees to it, or does not start it.
public struct Confinement: Hashable, Sendable, Codable {
    /// Whether a worker has a view of the files of its own: its bundle read-only, `/tmp` for itself, nothing of the
    /// node's.
    public enum Isolation: String, Hashable, Sendable, Codable, CaseIterable {
        /// Where the node may do it.
        case auto
        /// Or it is not started.
        case on
        case off
    }

    /// Nil for no limit; likewise the others.
    public var memoryBytes: Int?
    /// In thousandths of a core: 1500 is one and a half.
    public var cpuThousandths: Int?
    public var openFiles: Int?
    /// Processes and threads together.
    public var processes: Int?
    /// A name or a number; nil: one of the application's own where it is isolated, else the node's.
    public var user: String?
    public var isolation: Isolation

    public init(
        memoryBytes: Int? = nil, cpuThousandths: Int? = nil, openFiles: Int? = nil, processes: Int? = nil,
        user: String? = nil, isolation: Isolation = .auto
    ) {
        self.memoryBytes = memoryBytes
        self.cpuThousandths = cpuThousandths
        self.openFiles = openFiles
        self.processes = processes
        self.user = user
        self.isolation = isolation
    }

    // Bounds, of validation and of files.
    package static let memoryRange = 1 << 20...1 << 44
    package static let cpuRange = 10...1_000_000
    package static let openFilesRange = 16...1 << 20
    package static let processesRange = 1...1 << 20

    /// A name as `useradd` takes it, or a number below 2³².
    package static func isUser(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 32 else { return false }
        if first.isDigit { return UInt32(text) != nil && text.utf8.allSatisfy(\.isDigit) }
        return (first.isLetter || first == .underscore)
            && text.utf8.allSatisfy {
                $0.isLetter || $0.isDigit || $0 == .underscore || $0 == .hyphen || $0 == .period
            }
    }

    func validate(_ validation: Validation) throws(Refusal) {
        let limits = [
            (memoryBytes, Self.memoryRange, "the memory limit"), (cpuThousandths, Self.cpuRange, "the CPU limit"),
            (openFiles, Self.openFilesRange, "the limit of open files"),
            (processes, Self.processesRange, "the limit of processes"),
        ]
        for (limit, range, what) in limits {
            if let limit { try validation.requireRange(limit, range, what) }
        }
        if let user { try validation.require(Self.isUser(user), .malformed, "the user is no user's name or number") }
    }

    func appendCanonically(to canonical: inout CanonicalBytes) {
        for limit in [memoryBytes, cpuThousandths, openFiles, processes] { canonical.append(limit ?? -1) }
        canonical.append([user ?? "", isolation.rawValue])
    }
}
