internal import CLinux
internal import Glibc

/// How a listening socket gets from one process to the next.
extension ListeningSocket {
    /// The socket's own number, the same in every process that has it; nil for what is no open descriptor.
    public static func inode(of descriptor: Int32) -> UInt64? {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// A descriptor of a socket that another process has, which the caller then owns (pidfd_getfd(2)). Reads `/proc`.
    /// - Throws: `UV_EPERM` without the right to trace the process: root, or its parent or user if Yama allows;
    ///   `UV_ENOENT` if it has no such socket.
    public static func take(inode: UInt64, from process: ProcessIdentity) throws(UVError) -> Int32 {
        let handle = Descriptor(owning: try check(igropyr_pidfd_open(process.pid), errnoOf: "pidfd_open"))
        guard ProcessIdentity(of: process.pid) == process else { throw UVError(errno: ESRCH, "pidfd_open") }
        for number in ProcFile.numbers(in: "/proc/\(process.pid)/fd").sorted() {
            guard linkTarget("/proc/\(process.pid)/fd/\(number)") == "socket:[\(inode)]" else { continue }
            let copy = Descriptor(
                owning: try check(igropyr_pidfd_getfd(handle.number, number), errnoOf: "pidfd_getfd"))
            if self.inode(of: copy.number) == inode { return copy.take() }
        }
        throw UVError(errno: ENOENT, "pidfd_getfd")
    }

    private static func linkTarget(_ path: String) -> String? {
        var target = [UInt8](repeating: 0, count: 64)
        let count = unsafe target.withUnsafeMutableBytes { target in
            unsafe readlink(path, target.assumingMemoryBound(to: CChar.self).baseAddress!, target.count)
        }
        return count < 0 ? nil : String(decoding: target[..<count], as: UTF8.self)
    }
}
