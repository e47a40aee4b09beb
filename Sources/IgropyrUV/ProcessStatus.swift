internal import Glibc

/// A process, and not another that got its number later; good until the machine starts anew.
public struct ProcessIdentity: Hashable, Sendable, Codable {
    public let pid: Int32
    /// In the kernel's ticks since the machine started.
    public let startTime: UInt64

    /// Nil if there is no such process.
    public init?(of pid: Int32) {
        guard let status = ProcessStatus(of: pid) else { return nil }
        self = status.identity
    }

    init(pid: Int32, startTime: UInt64) {
        self.pid = pid
        self.startTime = startTime
    }

    /// Whether it has not ended.
    public var isRunning: Bool {
        guard let status = ProcessStatus(of: pid) else { return false }
        return status.identity == self && !status.isZombie
    }
}

/// What `/proc/PID/stat` says of a process (proc_pid_stat(5)).
public struct ProcessStatus: Hashable, Sendable {
    public let identity: ProcessIdentity
    public let parent: Int32
    public let group: Int32
    public let session: Int32
    /// It has ended and nobody has waited for it.
    public let isZombie: Bool

    /// Nil if there is no such process.
    public init?(of pid: Int32) {
        guard let bytes = ProcFile.read("/proc/\(pid)/stat") else { return nil }
        self.init(parsing: String(decoding: bytes, as: UTF8.self), pid: pid)
    }

    /// The second field is the program's name in parentheses, which may hold anything, also what is one character with
    /// a parenthesis: what counts stands after the last.
    init?(parsing text: String, pid: Int32) {
        guard let end = text.utf8.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = text[text.utf8.index(after: end)...].split(whereSeparator: \.isWhitespace)
        guard fields.count > 19, let parent = Int32(fields[1]), let group = Int32(fields[2]),
            let session = Int32(fields[3]), let startTime = UInt64(fields[19])
        else { return nil }
        identity = ProcessIdentity(pid: pid, startTime: startTime)
        (self.parent, self.group, self.session) = (parent, group, session)
        isZombie = fields[0] == "Z"
    }

    /// Every process that this one can see.
    public static func all() -> [ProcessStatus] {
        ProcFile.numbers(in: "/proc").compactMap { ProcessStatus(of: $0) }
    }

    /// A variable of the environment that a process was started with; nil also if that may not be seen.
    public static func variable(_ name: String, of pid: Int32) -> String? {
        guard let bytes = ProcFile.read("/proc/\(pid)/environ") else { return nil }
        let start = Array("\(name)=".utf8)
        return bytes.split(separator: 0).first { $0.starts(with: start) }
            .map { String(decoding: $0.dropFirst(start.count), as: UTF8.self) }
    }

    static func invocation(of pid: Int32) -> String? { variable(ChildProcesses.invocationVariable, of: pid) }

    /// Which start of the machine this is.
    public static var boot: String {
        let bytes = ProcFile.read("/proc/sys/kernel/random/boot_id") ?? []
        return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    }
}

/// Files that the kernel makes as they are read, without a disk.
enum ProcFile {
    /// Longer ones are cut.
    private static let limitBytes = 1 << 20

    static func read(_ path: String) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while content.count < limitBytes {
            let count = unsafe Glibc.read(descriptor, &piece, piece.count)
            if count < 0 { return nil }
            if count == 0 { break }
            content += piece[..<count]
        }
        return content
    }

    /// The names in a folder that are numbers.
    static func numbers(in folder: String) -> [Int32] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var result: [Int32] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if let number = Int32(name) { result.append(number) }
        }
        return result
    }
}
