import Foundation
import Glibc

/// How a command ended, and what it printed.
public struct CommandOutcome: Sendable {
    public var status: Int32
    public var output: String
    public var errors: String
}

/// Runs a command, found on the `PATH`, to its end, without holding up the thread that asks.
///
/// Not by Foundation's `Process`, which crashed now and then when several ran at once.
public func run(_ command: [String], input: String = "", in directory: String? = nil) async throws -> CommandOutcome {
    let folder = try TemporaryFolder()
    try folder.write("in", input)
    let pid = try spawn((directory.map { ["env", "-C", $0] } ?? []) + command, with: folder)
    let word = await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            var word: Int32 = 0
            while waitpid(pid, &word, 0) < 0, errno == EINTR {}
            continuation.resume(returning: word)
        }
    }
    let status = word & 0x7f == 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f)  // As shells say it.
    return CommandOutcome(status: status, output: try folder.read("out"), errors: try folder.read("err"))
}

/// Standard input, output and errors are files of the folder.
private func spawn(_ command: [String], with folder: TemporaryFolder) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "\(folder.path)/in", O_RDONLY, 0)
    for (descriptor, name) in [(Int32(1), "out"), (2, "err")] {
        posix_spawn_file_actions_addopen(&actions, descriptor, "\(folder.path)/\(name)", O_WRONLY | O_CREAT, 0o600)
    }
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    let result = posix_spawnp(&pid, command[0], &actions, nil, &arguments, environ)
    guard result == 0 else { throw CocoaError(.executableLoad, userInfo: [NSFilePathErrorKey: command[0]]) }
    return pid
}

/// A folder for the files of one test; removed when nobody refers to it any more.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() throws {
        path = "/tmp/igropyr-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file that its owner alone may read, unless `mode` says otherwise.
    @discardableResult
    public func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        let file = "\(path)/\(name)"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }

    public func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")), as: UTF8.self)
    }
}
