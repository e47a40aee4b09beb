import FoundationEssentials
import Glibc
import IgropyrUV
import Testing

@Suite(.enabled(if: getuid() == 0, "only root can become another user"), .timeLimit(.minutes(5)))
struct ProcessOwnerTests {
    /// What the kernel says of each thread of this process, by its number.
    private static func threads() throws -> [String: [Substring]] {
        var threads: [String: [Substring]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task") {
            guard let status = try? String(contentsOfFile: "/proc/self/task/\(name)/status", encoding: .utf8) else {
                continue  // It has ended.
            }
            threads[name] = status.split(separator: "\n").filter { line in
                ["Uid:", "Gid:", "Groups:", "CapPrm:", "CapEff:"].contains { line.hasPrefix($0) }
            }
        }
        return threads
    }

    @Test func `every thread becomes the new user, the first one too, and none comes back`() async {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoopThread(name: "other")
            let owner = try ProcessOwner(user: "65534", group: "65534")
            try owner.assume()
            try owner.assume()  // Which it is already.
            let threads = try Self.threads()
            guard threads.count > 1, threads["\(getpid())"] != nil else { throw Unexpected(text: "\(threads)") }
            for state in threads.values {
                guard state[0] == "Uid:\t65534\t65534\t65534\t65534", state[1] == "Gid:\t65534\t65534\t65534\t65534",
                    state[3].hasSuffix("\t0000000000000000"), state[4].hasSuffix("\t0000000000000000")
                else { throw Unexpected(text: "\(threads)") }
            }
            guard Set(threads.values).count == 1, setuid(0) == -1, seteuid(0) == -1, setgid(0) == -1 else {
                throw Unexpected(text: "\(threads)")
            }
            try await loop.stop()
        }
    }

    /// Issues of another process are not seen here; its exit code is.
    private struct Unexpected: Error {
        let text: String
    }
}
