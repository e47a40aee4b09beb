internal import CLinux
internal import Glibc

/// A file in memory, known by its descriptors only: what a program leaves to its successor, in the same process or
/// another, so that it is on no disk and in no environment. All calls block.
public enum MemoryFile {
    /// - Returns: a descriptor that the caller owns, closed on exec.
    /// - Throws: `UV_EMFILE`, `UV_ENOMEM`.
    public static func make(_ bytes: [UInt8]) throws(UVError) -> Int32 {
        let file = Descriptor(owning: try check(igropyr_memory_file(), errnoOf: "memfd_create"))
        var rest = bytes[...]
        try writeAll(&rest, to: file.number)
        lseek(file.number, 0, SEEK_SET)  // For who reads it as a stream.
        return file.take()
    }

    /// All of it. Closes the descriptor.
    /// - Throws: `UV_EFBIG` if it is longer; `UV_EBADF`, `UV_ENOENT` for what is no file.
    public static func read(owning descriptor: Int32, limitBytes: Int) throws(UVError) -> [UInt8] {
        guard let file = try OpenFile(Descriptor(owning: descriptor)) else { throw UVError(errno: EISDIR, "fstat") }
        guard file.size <= limitBytes else { throw UVError(errno: EFBIG, "fstat") }
        return try file.read(at: 0, count: file.size)
    }
}
