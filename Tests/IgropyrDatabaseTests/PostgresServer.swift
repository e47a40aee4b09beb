import Foundation
import Glibc
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrPostgreSQL

/// Debian's PostgreSQL for the length of a test, on a Unix socket in a folder of its own and a free port of loopback.
final class PostgresServer: Sendable {
    static let binaries = "/usr/lib/postgresql"

    let folder: TemporaryFolder
    let port: UInt16
    private let reservation: ReservedPort
    private let program = Locked<BackgroundCommand?>(nil)

    /// Makes the database's files: as another user, since PostgreSQL refuses root.
    init() async throws {
        folder = try TemporaryFolder()
        reservation = try ReservedPort()
        port = reservation.address.port
        try folder.write("password", "secret\n", mode: 0o644)
        _ = try await run(["chown", "-R", "postgres", folder.path])
        let outcome = try await run(
            Self.asPostgres(
                "exec $(ls -d \(Self.binaries)/*/bin/initdb | tail -1) -N -D \(folder.path)/data -U app -E UTF8 --locale=C "
                    + "--auth-local=trust --auth-host=scram-sha-256 --pwfile=\(folder.path)/password"))
        try #require(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    deinit { program.withLock { $0?.signal(SIGQUIT) } }

    func start() async throws {
        let program = try BackgroundCommand(
            Self.asPostgres(
                "exec $(ls -d \(Self.binaries)/*/bin/postgres | tail -1) -D \(folder.path)/data -k \(folder.path) -p \(port) "
                    + "-c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=30"))
        self.program.withLock { $0 = program }
        endAtExit(program, by: SIGQUIT)
        try await eventually("PostgreSQL answers: \(program.errors)") {
            try await run(["pg_isready", "-q", "-h", folder.path, "-p", "\(port)"]).status == 0
        }
    }

    /// By SIGQUIT: in the midst of what it does.
    func crash() async throws {
        guard let program = program.withLock({ $0 }) else { return }
        program.signal(SIGQUIT)
        try await eventually("PostgreSQL ends") { !program.isRunning }
    }

    var bySocket: String { "host=\(folder.path) port=\(port) user=app dbname=postgres" }
    var byName: String { "postgres://app:secret@localhost:\(port)/postgres?sslmode=disable" }

    /// By way of PgBouncer, which gives each transaction to whichever of two sessions is free.
    func withBouncer(clients: Int = 100, _ body: (_ url: String) async throws -> Void) async throws {
        let reservation = try ReservedPort()
        let settings = try folder.write(
            "pgbouncer.ini",
            """
            [databases]
            postgres = host=\(folder.path) port=\(port) user=app
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(reservation.address.port)
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            default_pool_size = 2
            max_client_conn = \(clients)
            """, mode: 0o644)
        let bouncer = try BackgroundCommand(Self.asPostgres("exec pgbouncer \(settings)"))
        defer { bouncer.signal(SIGKILL) }
        try await eventually("PgBouncer answers: \(bouncer.errors)") {
            try await run(["pg_isready", "-q", "-h", "127.0.0.1", "-p", "\(reservation.address.port)"]).status == 0
        }
        try await body("postgres://app@127.0.0.1:\(reservation.address.port)/postgres")
    }

    private static func asPostgres(_ command: String) -> [String] {
        getuid() == 0
            ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "sh", "-c", command]
            : ["sh", "-c", command]
    }
}

/// One server for all tests that leave it running.
let sharedPostgres = Task {
    let server = try await PostgresServer()
    try await server.start()
    return server
}

/// Runs `body` on a loop of its own, with a client; a connection that stays open afterwards fails the test.
func withPostgres(
    _ server: PostgresServer? = nil, _ settings: PoolSettings = .patient,
    _ body: @escaping @Sendable (Postgres) async throws -> Void
) async throws {
    let server = if let server { server } else { try await sharedPostgres.value }
    let postgres = try Postgres(server.bySocket, settings: settings)
    try await onLoop { _ in try await body(postgres) }
    await postgres.close()
}
