import FoundationEssentials
import Glibc

@testable import IgropyrCluster

/// A folder of one test, gone with it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let parent = try FileSystem.resolved(FileManager.default.temporaryDirectory.path)
        path = parent + "/igropyr-test-" + String(UInt64.random(in: .min ... .max), radix: 36)
        try FileSystem.createFolder(path, permissions: 0o700)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file, creating the folders above it.
    func write(_ content: String, to name: String, permissions: UInt32 = 0o640) throws {
        try FileSystem.createFolders(FileSystem.parent(of: self(name)), permissions: 0o750)
        try FileManager.default.createFile(atPath: self(name), content: Array(content.utf8))
        chmod(self(name), permissions)
    }

    func link(_ name: String, to target: String) throws {
        try FileSystem.createFolders(FileSystem.parent(of: self(name)), permissions: 0o750)
        guard symlink(target, self(name)) == 0 else { throw FileError("link", name) }
    }

    func read(_ name: String) throws -> String {
        String(decoding: try AtomicFile.read(self(name), limitBytes: 1 << 30), as: UTF8.self)
    }

    /// Names in a folder of this one, sorted.
    func names(_ name: String = ".") throws -> [String] { try FileSystem.names(in: self(name)).sorted() }

    func permissions(_ name: String) throws -> UInt32 { try FileSystem.status(of: self(name)).permissions }

    /// Sets the time of last change, in seconds since 1970.
    func setTime(_ seconds: Int, of name: String) {
        let time = timespec(tv_sec: seconds, tv_nsec: 0)
        utimensat(AT_FDCWD, self(name), [time, time], AT_SYMLINK_NOFOLLOW)
    }
}

extension FileManager {
    fileprivate func createFile(atPath path: String, content: [UInt8]) throws {
        try Data(content).write(to: URL(filePath: path))
    }
}
