internal import Glibc

/// Small files, read and written whole.
enum AtomicFile {
    /// Writes aside, waits for the disk, renames, waits again: the old content or the new, never a mixture.
    static func write(_ bytes: [UInt8], to path: String, permissions: UInt32) throws(FileError) {
        try FileSystem.replace(path) { aside throws(FileError) in
            let file = try BlockingFile(aside, .createNew(permissions: permissions))
            try file.write(bytes)
            try file.synchronize()
        }
        try FileSystem.synchronizeFolder(FileSystem.parent(of: path))
    }

    /// - Throws: `EFBIG` if the file is longer than `limitBytes`.
    static func read(_ path: String, limitBytes: Int) throws(FileError) -> [UInt8] {
        let file = try BlockingFile(path, .read)
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 1)
        defer { unsafe chunk.deallocate() }
        var content: [UInt8] = []
        while true {
            let count = try unsafe file.read(into: chunk)
            guard count > 0 else { return content }
            guard content.count + count <= limitBytes else { throw FileError("read", path, errorNumber: EFBIG) }
            unsafe content.append(contentsOf: chunk[..<count])
        }
    }
}
