internal import Glibc

/// A few bytes for another process, which finds them at a descriptor that it is given: a pipe that holds them, so that they
/// are on no disk and in no environment.
public enum HandedBytes {
    /// That a pipe takes at once on any kernel.
    private static let mostBytes = 4096

    /// A descriptor, closed on exec, from which they can be read once.
    /// - Throws: `UV_EMFILE`, `UV_ENFILE`; `UV_EMSGSIZE` above 4 KiB.
    public static func make(_ bytes: [UInt8]) throws(UVError) -> Int32 {
        guard bytes.count <= mostBytes else { throw UVError(errno: EMSGSIZE, "write") }
        let (ours, theirs) = try PulledStream.pipe(childReads: true)
        defer { Glibc.close(ours) }
        guard unsafe Glibc.write(ours, bytes, bytes.count) == bytes.count else {
            let error = UVError(errno: errno, "write")
            Glibc.close(theirs)
            throw error
        }
        return theirs
    }

    /// Reads them and closes the descriptor; nil if it cannot be read. Waits for whoever may write still.
    public static func take(_ descriptor: Int32, limitBytes: Int) -> [UInt8]? {
        defer { Glibc.close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: limitBytes)
        var count = 0
        while count < limitBytes {
            let read = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress! + count, limitBytes - count)
            }
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { return nil }
            if read == 0 { break }
            count += read
        }
        return Array(bytes.prefix(count))
    }
}
