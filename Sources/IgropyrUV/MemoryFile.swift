internal import CLinux
internal import Glibc

/// A file in memory, known by its descriptors only: what a program leaves to its successor, in the same process or
/// another, so that it is on no disk and in no environment. All calls block.
public enum MemoryFile {
    /// - Returns: a descriptor that the caller owns, closed on exec.
    /// - Throws: `UV_EMFILE`, `UV_ENOMEM`.
    public static func make(_ bytes: [UInt8]) throws(UVError) -> Int32 {
        let descriptor = try check(igropyr_memory_file(), errnoOf: "memfd_create")
        var rest = bytes[...]
        do throws(UVError) { try writeAll(&rest, to: descriptor) } catch {
            Glibc.close(descriptor)
            throw error
        }
        lseek(descriptor, 0, SEEK_SET)  // For who reads it as a stream.
        return descriptor
    }

    /// All of it. Closes the descriptor.
    /// - Throws: `UV_EFBIG` if it is longer; `UV_EBADF`, `UV_ENOENT` for what is no file.
    public static func read(owning descriptor: Int32, limitBytes: Int) throws(UVError) -> [UInt8] {
        let file: OpenFile?
        do throws(UVError) { file = try OpenFile(owningIfRegular: descriptor) } catch {
            Glibc.close(descriptor)
            throw error
        }
        guard let file else {
            Glibc.close(descriptor)
            throw UVError(errno: EISDIR, "fstat")
        }
        guard file.size <= limitBytes else { throw UVError(errno: EFBIG, "fstat") }
        return try file.read(at: 0, count: file.size)
    }
}
