internal import Glibc

/// An open descriptor, closed with its value. Each call blocks: for the thread pool, never a loop's thread.
@safe
struct BlockingFile: ~Copyable {
    let path: String
    let descriptor: Int32

    enum Mode {
        /// Refuses a symbolic link at the path's end, and does not wait for a fifo's writer.
        case read
        /// Fails if the path exists.
        case createNew(permissions: UInt32)
        /// Keeps what is there.
        case openOrCreate(permissions: UInt32)
        /// What is there, from its start.
        case write
        /// Each write goes to the end, wherever that is by then.
        case append(permissions: UInt32)
        case folder
    }

    init(_ path: String, _ mode: Mode) throws(FileError) {
        let (flags, permissions): (Int32, UInt32) =
            switch mode {
            case .read: (O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)
            case .createNew(let permissions): (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, permissions)
            case .openOrCreate(let permissions): (O_RDWR | O_CREAT | O_NOFOLLOW, permissions)
            case .write: (O_WRONLY | O_NOFOLLOW, 0)
            case .append(let permissions): (O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, permissions)
            case .folder: (O_RDONLY | O_DIRECTORY, 0)
            }
        descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC, permissions)
        self.path = path
        guard descriptor >= 0 else { throw FileError("open", path) }
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Fills the front of `buffer`.
    /// - Returns: How many bytes came; 0 at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        while true {
            let count = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            guard errno == EINTR else { throw FileError("read", path) }
        }
    }

    /// The next piece of the file, of at most that many bytes; empty at its end.
    func read(upTo limitBytes: Int) throws(FileError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: limitBytes, alignment: 1)
        defer { unsafe buffer.deallocate() }
        let count = try unsafe read(into: buffer)
        return unsafe Array(buffer[..<count])
    }

    /// The same from a place in the file on.
    func read(upTo limitBytes: Int, at offset: Int64) throws(FileError) -> [UInt8] {
        guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { throw FileError("lseek", path) }
        return try read(upTo: limitBytes)
    }

    /// The last bytes of the file, at most that many.
    func readTail(upTo limitBytes: Int) throws(FileError) -> [UInt8] {
        try read(upTo: limitBytes, at: max(0, try status().byteCount - Int64(limitBytes)))
    }

    /// Writes all or throws.
    func write(_ bytes: RawSpan) throws(FileError) {
        try unsafe bytes.withUnsafeBytes { buffer throws(FileError) in
            var offset = 0
            while offset < buffer.count {
                let count = unsafe Glibc.write(
                    descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
                if count < 0 && errno != EINTR { throw FileError("write", path) }
                offset += max(0, count)
            }
        }
    }

    func write(_ bytes: [UInt8]) throws(FileError) { try unsafe write(bytes.span.bytes) }

    func truncate() throws(FileError) {
        guard ftruncate(descriptor, 0) == 0 else { throw FileError("truncate", path) }
    }

    /// Returns once the file is on the disk, a folder's names likewise.
    func synchronize() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw FileError("synchronize", path) }
    }

    /// - Returns: Whether this open file now holds the lock; false if another one does. Ends with the value, or with
    ///   its process.
    func lockExclusively() throws(FileError) -> Bool {
        guard flock(descriptor, LOCK_EX | LOCK_NB) != 0 else { return true }
        guard errno == EWOULDBLOCK else { throw FileError("lock", path) }
        return false
    }

    /// Gives the lock up at once, also where a child process still has the descriptor.
    func unlock() { flock(descriptor, LOCK_UN) }

    func status() throws(FileError) -> FileStatus {
        var raw = stat()
        guard unsafe fstat(descriptor, &raw) == 0 else { throw FileError("examine", path) }
        return FileStatus(raw)
    }
}
