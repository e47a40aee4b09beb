import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrMySQL

private func cipher(_ url: String) async throws -> String {
    let mysql = try MySQL(url, settings: .patient)
    let rows = try await onLoop { _ in
        try await mysql.withConnection { try await $0.command("SHOW SESSION STATUS LIKE 'Ssl_cipher'") }
    }
    return rows[1] ?? ""
}

@Suite(.timeLimit(.minutes(5))) struct MySQLTLSTests {
    @Test func `a server that has TLS is spoken to by it, unless the URL forbids`() async throws {
        let server = try await sharedMariaDB.value
        #expect(try await cipher(server.byName).hasPrefix("TLS_"))
        #expect(try await cipher("\(server.byName)?ssl-mode=preferred").hasPrefix("TLS_"))
        #expect(try await cipher("\(server.byName)?ssl-mode=DISABLED") == "")
        #expect(try await cipher(server.verified).hasPrefix("TLS_"))
        #expect(try await cipher(server.verified.replacing("app:", with: "modern:")).hasPrefix("TLS_"))
    }

    @Test func `a certificate is to be of an authority that is believed, and of the name in the URL`() async throws {
        let server = try await sharedMariaDB.value
        let other = try await TestAuthority()
        let urls = [
            (server.verified.replacing("localhost", with: "127.0.0.1"), "Validation of SSL server certificate failed"),
            (server.verified.replacing(server.authority.file, with: other.file), "certificate"),
            (server.verified.replacing("&ssl-ca=\(server.authority.file)", with: ""), "certificate"),
            (server.verified.replacing(server.authority.file, with: "/nothing/here"), "No such file"),
        ]
        for (url, reason) in urls {
            let error = await failure { _ = try await cipher(url) }
            guard case MySQLError.cannotConnect(let text)? = error else {
                Issue.record("\(url): \(String(describing: error))")
                continue
            }
            #expect(text.contains(reason), "\(url): \(text)")
        }
    }

    @Test func `a server without TLS is no server to one who wants to know with whom he speaks`() async throws {
        let server = try await MariaDBServer()
        try await server.start(["--skip-ssl"])
        #expect(try await cipher(server.byName) == "")
        let error = await failure { _ = try await cipher(server.verified) }
        let text = try #require((error as? MySQLError)?.connectFailure)
        #expect(text.contains("SSL is required"), "\(text)")
        try await server.crash()
    }

    /// libmariadb would have the loop wait.
    @Test func `a server that falls silent within the handshake holds nobody up, and is given up`() async throws {
        let server = try ScriptedMySQL([.greeting(withTLS: true)])
        defer { server.stop() }
        var settings = PoolSettings.patient
        settings.connectTimeout = .seconds(10)
        let mysql = try MySQL(server.url, settings: settings)
        try await onLoop { loop in
            let query = Task.immediate { try await mysql.query("SELECT 1") }
            await server.hears(moreThan: 100)  // What asks for TLS has 36 bytes.
            // The loop turns meanwhile.
            await withCheckedContinuation { continuation in loop.submit { continuation.resume() } }
            let error = await failure { _ = try await query.value }
            #expect("\(error, default: "")".contains("cannot connect to the database: no answer within "))
        }
    }
}
