internal import Glibc

/// Where lines are appended: a file, or the process's standard output. Its calls block; any thread may make them, one at a
/// time.
public final class LogFile: Sendable {
    private let path: String?
    private let descriptor: Locked<Int32>

    /// Creates the file if it is missing, for its owner to write and its group to read.
    /// - Throws: `UV_ENOENT`, `UV_EACCES`, `UV_EISDIR`.
    public init(appendingTo path: String) throws(UVError) {
        self.path = path
        descriptor = Locked(try Self.open(path))
    }

    private init(descriptor: Int32) {
        path = nil
        self.descriptor = Locked(descriptor)
    }

    deinit {
        guard path != nil else { return }
        descriptor.withLock { _ = Glibc.close($0) }
    }

    public static func standardOutput() -> LogFile { LogFile(descriptor: STDOUT_FILENO) }

    /// Opens the file by its name again: another one, once the old was moved away. Standard output stays.
    /// - Throws: as ``init(appendingTo:)``; lines go on to the old file then.
    public func reopen() throws(UVError) {
        guard let path else { return }
        let new = try Self.open(path)
        descriptor.withLock { descriptor in
            Glibc.close(descriptor)
            descriptor = new
        }
    }

    /// - Throws: `UV_ENOSPC`, `UV_EPIPE`, `UV_EIO`; a part may have been written.
    public func append(_ bytes: [UInt8]) throws(UVError) {
        try descriptor.withLock { descriptor throws(UVError) in try writeAll(bytes, to: descriptor) }
    }

    /// Finds what would keep ``init(appendingTo:)`` from opening the file, and does not create it: it would be this user's, who
    /// may be another than the one that writes it.
    /// - Throws: as ``init(appendingTo:)``.
    public static func checkAppending(to path: String) throws(UVError) {
        let descriptor = unsafe Glibc.open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK)
        let code = errno
        if descriptor >= 0 { Glibc.close(descriptor) }
        switch descriptor >= 0 ? 0 : code {
        case 0, ENXIO: return  // A pipe that nobody reads yet.
        case ENOENT:
            let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
            unsafe try check(access(folder, W_OK | X_OK), errnoOf: "open")
        default: throw UVError(errno: code, "open")
        }
    }

    private static func open(_ path: String) throws(UVError) -> Int32 {
        unsafe try check(Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640), errnoOf: "open")
    }
}
