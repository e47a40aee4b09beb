internal import Glibc
internal import IgropyrUV

/// A node's folder on the disk, held by one process at a time.
///
/// The lock ends with this object or with the process, however that dies; a stale `lock` file hinders nobody.
public final class DataFolder: Sendable {
    public let path: String
    private let lock: Locked<SharedFile>
    /// The folder, as it was at first.
    private let origin: FileStatus

    /// Creates the folder (mode 0700) where it is missing, takes its lock and removes unfinished files.
    public init(at path: String) throws(DataFolderError) {
        let resolved = try DataFolderError.wrapping { () throws(FileError) in
            try FileSystem.createFolders(path, permissions: 0o700)
            return try FileSystem.resolved(path)
        }
        self.path = resolved
        origin = try DataFolderError.wrapping { () throws(FileError) in try FileSystem.status(of: resolved) }
        lock = Locked(SharedFile(try Self.takeLock(of: resolved)))
    }

    /// To close it would not do: a program that is being started has the descriptor too, until it runs.
    deinit { release() }

    /// Lets another process, or another object, take the folder, before this object goes. Write nothing afterwards.
    public func release() { lock.withLock { $0.file.unlock() } }

    /// Makes the folder anew, and takes its lock, where somebody has removed it under this process. Blocks.
    /// - Returns: Whether it had gone, with all that was in it.
    /// - Throws: That it cannot be looked at, or made; that its file system is not mounted, in whose place nothing is
    ///   made; or that another process has made and taken it meanwhile.
    func remakeIfGone() throws(DataFolderError) -> Bool {
        guard try isGone() else { return false }
        try DataFolderError.wrapping { () throws(FileError) in
            try FileSystem.createFolders(path, permissions: 0o700)
        }
        let taken = SharedFile(try Self.takeLock(of: path))
        lock.withLock { $0 = taken }
        return true
    }

    /// Creates a folder (mode 0700) inside unless it exists, and returns its path.
    public func folder(_ name: String) throws(FileError) -> String {
        let folder = "\(path)/\(name)"
        try FileSystem.createFolders(folder, permissions: 0o700)
        return folder
    }

    /// Replaces a file of this folder so that, whenever the power fails, either the old or the new content is there.
    /// Mode 0600. Blocks until the disk has it.
    public func write(_ bytes: [UInt8], to name: String) throws(FileError) {
        try AtomicFile.write(bytes, to: "\(path)/\(name)", permissions: 0o600)
    }

    /// The file's content; nil if it does not exist.
    /// - Throws: `EFBIG` if it is longer than `limitBytes`.
    public func read(_ name: String, limitBytes: Int = 64 << 20) throws(FileError) -> [UInt8]? {
        do {
            return try AtomicFile.read("\(path)/\(name)", limitBytes: limitBytes)
        } catch {
            if error.isMissing { return nil }
            throw error
        }
    }

    /// Whether the lock that this object has is no longer the folder's, though its file system is there.
    private func isGone() throws(DataFolderError) -> Bool {
        let isMounted: Bool
        do throws(FileError) {
            let own = try lock.withLock { held throws(FileError) in try held.file.status() }
            if let present = try FileSystem.statusIfPresent(of: "\(path)/lock"), present.isOfSameFile(as: own) {
                return false
            }
            isMounted = try FileSystem.nearest(to: path).isOnSameFileSystem(as: origin)
        } catch { throw .file(error) }
        guard isMounted else { throw .unmounted(path: path) }
        return true
    }

    private static func takeLock(of path: String) throws(DataFolderError) -> BlockingFile {
        let lock = try DataFolderError.wrapping { () throws(FileError) in
            try BlockingFile("\(path)/lock", .openOrCreate(permissions: 0o600))
        }
        let isOurs = try DataFolderError.wrapping { () throws(FileError) in try lock.lockExclusively() }
        guard isOurs else { throw .inUse(path: path, process: holder(of: path)) }
        try DataFolderError.wrapping { () throws(FileError) in
            try lock.truncate()
            try lock.write(Array("\(getpid())\n".utf8))
            for name in try FileSystem.names(in: path) where name.hasPrefix(FileSystem.temporaryPrefix) {
                try FileSystem.removeTree("\(path)/\(name)")
            }
        }
        return lock
    }

    /// The process that has taken the folder at the path last; it may be gone.
    static func holder(of path: String) -> Int32? {
        guard let bytes = try? AtomicFile.read("\(path)/lock", limitBytes: 32) else { return nil }
        return Int32(String(decoding: bytes, as: UTF8.self).filter { $0 != "\n" })
    }
}

/// Why a node's folder cannot be used.
public enum DataFolderError: Error, Hashable, CustomStringConvertible {
    /// The process is nil for the instant between its lock and its writing its number.
    case inUse(path: String, process: Int32?)
    /// Where it was is another file system now.
    case unmounted(path: String)
    case file(FileError)

    public var description: String {
        switch self {
        case .inUse(let path, let process):
            "the data folder \(path) is in use by \(process.map { "process \($0)" } ?? "another process"); "
                + "stop that one or choose another folder with --data"
        case .unmounted(let path):
            "the file system of the data folder \(path) is not mounted any more: mount it again, or restart the node to have it "
                + "begin with an empty folder"
        case .file(let error): "the data folder cannot be had: \(error); or choose another one with --data"
        }
    }
}

extension DataFolderError: FileFailure {
    init(_ error: FileError) { self = .file(error) }
}

extension DataFolder {
    static var isRoot: Bool { geteuid() == 0 }
}
