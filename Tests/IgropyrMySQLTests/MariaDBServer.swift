import Foundation
import Glibc
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrMySQL

/// Debian's MariaDB for the length of a test, on a Unix socket in a folder of its own and a free port of loopback, with
/// a certificate for `localhost`.
final class MariaDBServer: Sendable {
    let authority: TestAuthority
    let port: UInt16
    private let folder: TemporaryFolder
    private let reservation: ReservedPort
    private let program = Locked<BackgroundCommand?>(nil)

    /// Makes the database's files: for another user, since MariaDB refuses root.
    init(names: [String] = ["DNS:localhost"]) async throws {
        folder = try TemporaryFolder()
        reservation = try ReservedPort()
        port = reservation.address.port
        authority = try await TestAuthority()
        let certificate = try await authority.issue("server", for: names)
        try folder.write(
            "init.sql",
            """
            CREATE DATABASE IF NOT EXISTS shop;
            CREATE USER IF NOT EXISTS app@'%' IDENTIFIED BY 'secret';
            GRANT ALL ON shop.* TO app@'%';
            CREATE USER IF NOT EXISTS modern@'%' IDENTIFIED VIA ed25519 USING PASSWORD('secret');
            GRANT ALL ON shop.* TO modern@'%';
            """)
        let files = [authority.file, certificate.chain, certificate.key]
        _ = try await run(["cp"] + files + [folder.path])
        _ = try await run(["mkdir", temporary])
        if getuid() == 0 { _ = try await run(["chown", "-R", "mysql", folder.path]) }
        let outcome = try await run(
            [
                "mariadb-install-db", "--no-defaults", "--datadir=\(data)", "--tmpdir=\(temporary)", "--skip-test-db",
                "--skip-name-resolve",
            ] + user)
        try #require(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    deinit { program.withLock { $0?.signal(SIGKILL) } }

    func start(_ options: [String] = []) async throws {
        let program = try BackgroundCommand(
            [
                "mariadbd", "--no-defaults", "--datadir=\(data)", "--socket=\(socket)", "--port=\(port)",
                "--bind-address=127.0.0.1", "--skip-name-resolve", "--init-file=\(folder.path)/init.sql",
                "--tmpdir=\(temporary)", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M",
                "--max-connections=60",
                "--plugin-load-add=auth_ed25519", "--ssl-ca=\(folder.path)/ca.pem",
                "--ssl-cert=\(folder.path)/server.pem",
                "--ssl-key=\(folder.path)/server.key",
            ] + user + options)
        self.program.withLock { $0 = program }
        endAtExit(program)
        let answers = try await eventually {
            try await run(["mariadb-admin", "--no-defaults", "-S", socket, "-u", "app", "-psecret", "ping"]).status == 0
                || !program.isRunning
        }
        try #require(answers && program.isRunning, "\(program.errors)")
    }

    /// Runs SQL as the server's own user.
    func administer(_ sql: String) async throws {
        let outcome = try await run(["mariadb", "--no-defaults", "-S", socket, "-u", Self.administrator, "-e", sql])
        try #require(outcome.status == 0, "\(outcome.errors)")
    }

    /// By SIGKILL: in the midst of what it does.
    func crash() async throws {
        guard let program = program.withLock({ $0 }) else { return }
        program.signal(SIGKILL)
        try await eventually("MariaDB ends") { !program.isRunning }
    }

    var bySocket: String { "mysql://app:secret@/shop?socket=\(socket)" }
    /// With TLS, since the server has it.
    var byName: String { "mysql://app:secret@localhost:\(port)/shop" }
    var verified: String { "\(byName)?ssl-mode=VERIFY_IDENTITY&ssl-ca=\(authority.file)" }

    /// Known by who has made the files.
    private static var administrator: String { getuid() == 0 ? "root" : NSUserName() }
    /// Of its own: a server removes what it takes for leftovers of others.
    private var temporary: String { "\(folder.path)/tmp" }
    private var data: String { "\(folder.path)/data" }
    private var socket: String { "\(folder.path)/socket" }
    private var user: [String] { getuid() == 0 ? ["--user=mysql"] : [] }
}

/// One server for all tests that leave it running.
let sharedMariaDB = Task {
    let server = try await MariaDBServer()
    try await server.start()
    return server
}

/// Runs `body` on a loop of its own, with a client; a connection that stays open afterwards fails the test.
func withMySQL(
    _ server: MariaDBServer? = nil, _ settings: PoolSettings = .patient,
    _ body: @escaping @Sendable (MySQL) async throws -> Void
) async throws {
    let server = if let server { server } else { try await sharedMariaDB.value }
    let mysql = try MySQL(server.bySocket, settings: settings)
    try await onLoop { _ in try await body(mysql) }
    await mysql.close()
}

/// A name that no other test has.
func freshName() -> String { "t\(UInt64.random(in: 0 ... .max))" }
