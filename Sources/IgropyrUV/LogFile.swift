internal import Glibc

/// Where lines are appended: a file, a pipe, or the process's standard output. Its calls block for a disk, never for
/// who reads a pipe; any thread may make them, one at a time.
public final class LogFile: Sendable {
    private struct Target {
        let descriptor: Int32
        /// Of a file. Nil for a pipe, a socket or a terminal: there somebody has to take what is written.
        let device: UInt64?

        init(_ descriptor: Int32) {
            var status = stat()
            let isKnown = unsafe fstat(descriptor, &status) == 0
            self.descriptor = descriptor
            device = isKnown && status.st_mode & S_IFMT != S_IFREG ? nil : UInt64(status.st_dev)
        }

        /// Whether ``bytesAtOnce`` can be written without waiting; or fail at once.
        var isReady: Bool {
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            return unsafe poll(&entry, 1, 0) > 0
        }

        /// Where a reader has left room at all, there is room for so much (pipe(7)).
        static let bytesAtOnce = 4096

        func appendToReader(_ rest: inout ArraySlice<UInt8>) throws(UVError) {
            while !rest.isEmpty, isReady {
                var piece = rest.prefix(Self.bytesAtOnce)
                defer { rest = rest[piece.startIndex...] }
                try writeAll(&piece, to: descriptor)
            }
        }

        func appendToFile(_ rest: inout ArraySlice<UInt8>) throws(UVError) {
            let all = rest
            do throws(UVError) {
                try writeAll(&rest, to: descriptor)
            } catch {
                takeBackLine(of: all, &rest)
                throw error
            }
        }

        /// What comes later must not go on in a line that a full disk has cut. If somebody else has written behind it,
        /// it stays.
        private func takeBackLine(of all: ArraySlice<UInt8>, _ rest: inout ArraySlice<UInt8>) {
            let written = all[..<rest.startIndex]
            let lineStart = written.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? written.startIndex
            let end = lseek(descriptor, 0, SEEK_CUR)
            var status = stat()
            let start = end - (rest.startIndex - lineStart)
            guard lineStart < rest.startIndex, unsafe fstat(descriptor, &status) == 0, status.st_size == end,
                ftruncate(descriptor, start) == 0
            else { return }
            lseek(descriptor, start, SEEK_SET)  // Standard output may have been opened for writing where it is, by `>`.
            rest = all[lineStart...]
        }
    }

    private let path: String?
    private let target: Locked<Target>

    /// Creates the file if it is missing, for its owner to write and its group to read. Waits for nobody to read a
    /// named pipe: it holds 64 KiB until then, and this user must be allowed to read it.
    /// - Throws: `UV_ENOENT`, `UV_EACCES`, `UV_EISDIR`.
    public init(appendingTo path: String) throws(UVError) {
        self.path = path
        target = Locked(Target(try Self.open(path)))
    }

    /// One that stays the caller's.
    init(descriptor: Int32) {
        path = nil
        target = Locked(Target(descriptor))
    }

    deinit {
        guard path != nil else { return }
        target.withLock { _ = Glibc.close($0.descriptor) }
    }

    /// The file system that calls may have to wait for; nil for what has a reader.
    public var device: UInt64? { target.withLock { $0.device } }

    public static func standardOutput() -> LogFile { LogFile(descriptor: STDOUT_FILENO) }

    /// Opens the file by its name again: another one, once the old was moved away. Standard output stays.
    /// - Throws: as ``init(appendingTo:)``; lines go on to the old file then.
    public func reopen() throws(UVError) {
        guard let path else { return }
        let new = Target(try Self.open(path))
        target.withLock { target in
            Glibc.close(target.descriptor)
            target = new
        }
    }

    /// Appends lines from `offset` on, which moves behind what is written: all of them, but for a pipe, a socket or a
    /// terminal whose reader does not keep up.
    /// - Throws: `UV_ENOSPC`, `UV_EPIPE`, `UV_EIO`. Whole lines may have been written to a file, and any part to
    ///   others.
    public func append(_ lines: [UInt8], from offset: inout Int) throws(UVError) {
        var rest = lines[offset...]
        defer { offset = rest.startIndex }
        try target.withLock { target throws(UVError) in
            if target.device == nil { try target.appendToReader(&rest) } else { try target.appendToFile(&rest) }
        }
    }

    /// Finds what would keep ``init(appendingTo:)`` from opening the file, and does not create it: it would be this
    /// user's, who may be another than the one that writes it.
    /// - Throws: as ``init(appendingTo:)``.
    public static func checkAppending(to path: String) throws(UVError) {
        let descriptor = unsafe Glibc.open(path, access(to: path) | O_APPEND | O_CLOEXEC)
        let code = errno
        if descriptor >= 0 { Glibc.close(descriptor) }
        switch descriptor >= 0 ? 0 : code {
        case 0: return
        case ENOENT:
            let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
            unsafe try check(Glibc.access(folder, W_OK | X_OK), errnoOf: "open")
        default: throw UVError(errno: code, "open")
        }
    }

    private static func open(_ path: String) throws(UVError) -> Int32 {
        unsafe try check(Glibc.open(path, access(to: path) | O_APPEND | O_CREAT | O_CLOEXEC, 0o640), errnoOf: "open")
    }

    /// A named pipe is opened for reading, too: then it needs no reader yet, and outlives the one that it has
    /// (fifo(7)).
    private static func access(to path: String) -> Int32 {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO ? O_RDWR : O_WRONLY
    }
}
