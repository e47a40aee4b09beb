import Foundation
import Glibc
import IgropyrUV
import TestSupport
import Testing

/// A program that runs by itself; its output is read as it comes.
///
/// Not by Foundation's `Process`, which in some runs never told of the end of the output when several ran at once.
final class Command: Sendable {
    private let state = Locked<(output: [UInt8], isEnded: Bool)>(([], false))
    private let changed = Signal()

    init(_ words: [String]) throws {
        var ends: [Int32] = [0, 0]
        // Not left to other programs that begin at the same time: they would keep it open.
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw Failure(call: "socketpair", code: errno) }
        let (reader, writer) = (ends[0], ends[1])
        defer { close(writer) }
        let pid = try Self.spawn(words, printingTo: writer)
        Thread.detachNewThread { [self] in
            var piece = [UInt8](repeating: 0, count: 1 << 16)
            var count = 0
            repeat {
                count = read(reader, &piece, piece.count)
                state.withLock { state in
                    state.output += piece.prefix(max(count, 0))
                    state.isEnded = count <= 0
                }
                changed.send()
            } while count > 0
            close(reader)
            var ignored: Int32 = 0
            waitpid(pid, &ignored, 0)
        }
    }

    struct Failure: Error {
        let call: String
        let code: Int32
    }

    /// Returns when the output is enough, or has ended.
    func output(until isEnough: (String) -> Bool = { _ in false }) async -> String {
        var count = 0
        while true {
            let (output, isEnded) = state.withLock { ($0.output, $0.isEnded) }
            let text = String(decoding: output, as: UTF8.self)
            if isEnded || isEnough(text) { return text }
            count += 1
            await changed.wait(for: count)
        }
    }

    static func run(_ words: String...) async throws -> String { try await Command(words).output() }

    private static func spawn(_ words: [String], printingTo output: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let result = posix_spawnp(&pid, words[0], &actions, nil, &arguments, environ)
        guard result == 0 else { throw Failure(call: "posix_spawnp \(words[0])", code: result) }
        return pid
    }
}
