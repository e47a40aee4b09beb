import Glibc
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrRedis

/// Debian's `redis-server` for the length of a test, on a Unix socket in a folder of its own and a free port of
/// loopback.
final class RedisServer: Sendable {
    private let folder: TemporaryFolder
    let port: UInt16
    private let reservation: ReservedPort
    private let program = Locked<BackgroundCommand?>(nil)

    init() throws {
        folder = try TemporaryFolder()
        reservation = try ReservedPort()
        port = reservation.address.port
    }

    deinit { program.withLock { $0?.signal(SIGKILL) } }

    func start(_ options: [String] = []) async throws {
        let program = try BackgroundCommand(
            [
                "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder.path, "--save", "",
                "--appendonly", "no", "--unixsocket", "\(folder.path)/socket",
                "--user", "app", "on", ">secret", "~*", "&*", "+@all",
            ] + options)
        self.program.withLock { $0 = program }
        endAtExit(program)
        let answers = try await eventually {
            try await run(["redis-cli", "-s", "\(folder.path)/socket", "ping"]).output == "PONG\n" || !program.isRunning
        }
        try #require(answers && program.isRunning, "\(program.output)")
    }

    /// By SIGKILL: in the midst of what it does.
    func crash() async throws {
        guard let program = program.withLock({ $0 }) else { return }
        program.signal(SIGKILL)
        try await eventually("Redis ends") { !program.isRunning }
    }

    var bySocket: String { "unix:\(folder.path)/socket" }
    var byName: String { "redis://app:secret@localhost:\(port)/2" }
}

/// One server for all tests that leave it running.
let sharedRedis = Task {
    let server = try RedisServer()
    try await server.start()
    return server
}

/// Runs `body` on a loop of its own, with a client; a connection that stays open afterwards fails the test.
func withRedis(
    _ server: RedisServer? = nil, _ settings: PoolSettings = .patient,
    _ body: @escaping @Sendable (Redis) async throws -> Void
) async throws {
    let server = if let server { server } else { try await sharedRedis.value }
    let redis = try Redis(url: server.bySocket, settings: settings)
    try await onLoop { _ in try await body(redis) }
    await redis.close()
}

/// A key that no other test has.
func freshKey() -> String { "key\(UInt64.random(in: 0 ... .max))" }
