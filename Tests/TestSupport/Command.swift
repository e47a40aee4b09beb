import Foundation
import Glibc
import IgropyrUV

/// How a command ended, and what it printed.
public struct CommandOutcome: Sendable {
    public var status: Int32
    public var output: String
    public var errors: String
}

/// Runs a command, found on the `PATH`, to its end, without holding up the thread that asks.
public func run(_ command: [String], input: String = "", in directory: String? = nil) async throws -> CommandOutcome {
    let program = try BackgroundCommand((directory.map { ["env", "-C", $0] } ?? []) + command, input: input)
    let status = await program.end()
    return CommandOutcome(status: status, output: program.output, errors: program.errors)
}

/// A program that runs by itself, found on the `PATH`; its standard input, output and errors are files of a folder.
///
/// Not by Foundation's `Process`: it crashed when several ran at once, and its pipes, open in other children, never
/// ended.
public final class BackgroundCommand: Sendable {
    public let pid: pid_t
    let folder: TemporaryFolder
    private let state = Locked<(status: Int32?, waiter: CheckedContinuation<Int32, Never>?)>((nil, nil))

    public init(_ command: [String], input: String = "") throws {
        folder = try TemporaryFolder()
        try folder.write("in", input)
        pid = try spawn(command, with: folder)
        Thread.detachNewThread { [self] in
            var word: Int32 = 0
            while waitpid(pid, &word, 0) < 0, errno == EINTR {}
            didEnd(word & 0x7f == 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f))  // As shells say it.
        }
    }

    public var isRunning: Bool { state.withLock { $0.status == nil } }

    /// What it has printed so far.
    public var output: String { (try? folder.read("out")) ?? "" }
    public var errors: String { (try? folder.read("err")) ?? "" }

    /// Nothing happens if it has ended.
    public func signal(_ number: Int32) {
        state.withLock { if $0.status == nil { kill(pid, number) } }
    }

    /// Waits for the end; for one caller.
    func end() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status = state.withLock { state in
                if state.status == nil { state.waiter = continuation }
                return state.status
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// Blocks until it has ended, or for so long.
    func waitForEnd(within limit: Duration) {
        let deadline = ContinuousClock.now.advanced(by: limit)
        while isRunning, ContinuousClock.now < deadline { usleep(5000) }
    }

    private func didEnd(_ status: Int32) {
        let waiter = state.withLock { state in
            state.status = status
            return state.waiter
        }
        waiter?.resume(returning: status)
    }
}

/// Standard input, output and errors are files of the folder. No signal is blocked, as most are on the threads of
/// Swift's pool: a program that never hears SIGTERM outlives its test.
private func spawn(_ command: [String], with folder: TemporaryFolder) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "\(folder.path)/in", O_RDONLY, 0)
    for (descriptor, name) in [(Int32(1), "out"), (2, "err")] {
        posix_spawn_file_actions_addopen(&actions, descriptor, "\(folder.path)/\(name)", O_WRONLY | O_CREAT, 0o600)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    let result = posix_spawnp(&pid, command[0], &actions, &attributes, &arguments, environ)
    guard result == 0 else { throw CocoaError(.executableLoad, userInfo: [NSFilePathErrorKey: command[0]]) }
    return pid
}
