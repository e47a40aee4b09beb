internal import Crypto
internal import IgropyrOrchestration

enum ArchiveDigest {
    /// The SHA-256 of a regular file; `synchronizing` waits until what was hashed is on the disk.
    static func ofFile(at path: String, synchronizing: Bool) throws(FileError) -> BundleDigest {
        let file = try OpenFile(path, .read)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 1)
        defer { unsafe buffer.deallocate() }
        var hash = SHA256()
        while true {
            let count = try unsafe file.read(into: buffer)
            guard count > 0 else { break }
            unsafe hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        if synchronizing { try file.synchronize() }
        return BundleDigest(hash.finalize())
    }
}
