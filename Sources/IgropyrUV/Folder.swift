internal import CLinux
internal import Glibc

/// An open folder, beneath which files are opened by relative paths that cannot lead out of it.
public final class Folder: Sendable {
    private let descriptor: Int32

    /// - Throws: `UV_ENOENT`, `UV_ENOTDIR`, `UV_EACCES`.
    public init(_ path: String) throws(UVError) {
        descriptor = unsafe try check(Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), errnoOf: "open")
    }

    deinit { Glibc.close(descriptor) }

    /// What is found beneath a folder.
    public enum Entry: Sendable {
        case file(OpenFile)
        case folder
    }

    /// Opens what stands at `path`: names separated by single slashes, or nothing for the folder itself. No symbolic
    /// link is followed, a pipe does not block, and what is neither file nor folder counts as not there.
    /// - Throws: `UV_ENOENT`, `UV_ENOTDIR`, `UV_EACCES`, `UV_ELOOP` at a symbolic link, `UV_EMFILE`.
    public func open(beneath path: String) throws(UVError) -> Entry {
        let opened = try openDescriptor(path.isEmpty ? "." : path)
        let file: OpenFile?
        do throws(UVError) {
            file = try OpenFile(owningIfRegular: opened)
        } catch {
            Glibc.close(opened)
            throw error
        }
        return file.map { .file($0) } ?? .folder
    }

    private static let flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC

    private func openDescriptor(_ path: String) throws(UVError) -> Int32 {
        var how = open_how()
        how.flags = UInt64(Self.flags)
        how.resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
        let opened = unsafe igropyr_openat2(descriptor, path, &how)
        if opened < 0, errno == ENOSYS || errno == EPERM { return try walk(path) }
        return try check(opened, errnoOf: "openat2")
    }

    /// The same name by name, for kernels before 5.6 and sandboxes that refuse `openat2`.
    private func walk(_ path: String) throws(UVError) -> Int32 {
        var names = path.split(separator: "/")
        guard !names.contains(".."), let last = names.popLast() else { throw UVError(errno: ENOENT, "openat") }
        var folder = descriptor
        defer { if folder != descriptor { Glibc.close(folder) } }
        for name in names {
            let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
            let next = unsafe try check(openat(folder, String(name), flags), errnoOf: "openat")
            if folder != descriptor { Glibc.close(folder) }
            folder = next
        }
        return unsafe try check(openat(folder, String(last), Self.flags), errnoOf: "openat")
    }
}

/// A regular file, open for reading; closed when nobody refers to it any more.
public final class OpenFile: Sendable {
    public let descriptor: Int32
    /// As it was when the file was opened.
    public let size: Int
    /// Seconds since 1970, and the nanoseconds beyond them.
    public let modified: (seconds: Int64, nanoseconds: Int64)

    /// Takes over `descriptor` if it is a regular file's; closes it and is nil if it is a folder's.
    fileprivate init?(owningIfRegular descriptor: Int32) throws(UVError) {
        var status = stat()
        try check(unsafe fstat(descriptor, &status), errnoOf: "fstat")
        let type = status.st_mode & S_IFMT
        guard type == S_IFREG || type == S_IFDIR else { throw UVError(errno: ENOENT, "open") }
        self.descriptor = descriptor
        size = Int(status.st_size)
        modified = (Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec))
        if type == S_IFDIR { return nil }
    }

    deinit { Glibc.close(descriptor) }

    /// Reads up to `count` bytes; fewer, maybe none, where the file ends.
    public func read(at offset: Int, count: Int) throws(UVError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let target = unsafe buffer.baseAddress! + filled
                let result = unsafe pread(descriptor, target, count - filled, off_t(offset + filled))
                if result < 0, errno == EINTR { continue }
                if result < 0 { failure = errno }
                guard result > 0 else { return }
                filled += result
            }
        }
        guard failure == 0 else { throw UVError(errno: failure, "pread") }
        return bytes
    }
}
