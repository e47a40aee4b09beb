internal import Glibc

/// A regular file, open for reading; closed when nobody refers to it any more.
public final class OpenFile: Sendable {
    /// What tells one state of a file from another, as far as the kernel can. Two changes within one tick of its clock
    /// (some milliseconds) that keep the size look alike.
    public struct Identity: Sendable, Hashable {
        public let device: UInt64
        public let inode: UInt64
        /// In bytes.
        public let size: Int
        public let modified: Time
        /// When the content, or anything else about the file, changed last.
        public let changed: Time

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int(status.st_size)
            modified = Time(status.st_mtim)
            changed = Time(status.st_ctim)
        }
    }

    /// Seconds since 1970, and the nanoseconds beyond them.
    public struct Time: Sendable, Hashable {
        public let seconds: Int64
        public let nanoseconds: Int64

        init(_ time: timespec) {
            seconds = Int64(time.tv_sec)
            nanoseconds = Int64(time.tv_nsec)
        }
    }

    public let descriptor: Int32
    /// As it was when the file was opened.
    public let identity: Identity

    public var size: Int { identity.size }
    public var modified: Time { identity.modified }

    /// Nil if it is a folder's.
    /// - Throws: `UV_ENOENT` if it is neither a folder's nor a regular file's.
    init?(_ opened: consuming Descriptor) throws(UVError) {
        var status = stat()
        try check(unsafe fstat(opened.number, &status), errnoOf: "fstat")
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: return nil
        default: throw UVError(errno: ENOENT, "open")
        }
        descriptor = opened.take()
        identity = Identity(status)
    }

    deinit { Glibc.close(descriptor) }

    /// Reads up to `count` bytes; fewer, maybe none, where the file ends.
    public func read(at offset: Int, count: Int) throws(UVError) -> [UInt8] {
        guard count > 0 else { return [] }
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
