import TestSupport
import Testing

@testable import IgropyrMySQL

private let limit = 1 << 20

private func isLost(_ error: MySQLError) -> Bool { if case .connectionLost = error { true } else { false } }

/// What a server may say when it is to prepare a statement and run it, and what becomes of it.
private let oddities: [(answers: [[UInt8]], isMeant: @Sendable (MySQLError) -> Bool)] = [
    ([Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)], { $0 == .resultTooLarge(limit: limit) }),
    ([.packet(1, [])], isLost),
    ([.packet(1, [0])], { $0 == .timedOut || isLost($0) }),  // libmariadb takes it for whole, and waits for columns.
    ([.packet(1, [255])], isLost),
    (
        [.packet(1, [255, 40, 4] + Array("#42000no".utf8))],
        {
            $0 == .server(MySQLServerError(code: 1064, sqlState: "42000", message: "no", statement: "SELECT a"))
        }
    ),
    (
        [.packet(1, [255, 40, 4] + Array("no state".utf8))],
        {
            if case .server(let error) = $0 { error.code == 1064 && error.message == "no state" } else { false }
        }
    ),
    ([.packet(1, [255, 135, 7] + Array("#70100killed".utf8))], { $0 == .connectionLost("killed") }),
    ([.prepared(type: 8), .packet(1, [0xfb] + Array("/etc/passwd".utf8)), .ok(3)], isLost),
    // A type that there is not.
    ([.prepared(type: 32), .rows(type: 32, [[0, 0, 1]])], { $0 == .unsupported("a column of an unknown type") }),
    // Rows that are cut, and one that says that it is longer than it is.
    ([.prepared(type: 8), .rows(type: 8, [[0, 0, 1, 2]])], isLost),
    ([.prepared(type: 253), .rows(type: 253, [[0, 0, 200, 65]])], isLost),
    ([.prepared(type: 253), .rows(type: 253, [[0, 0, 0xfd, 255, 255, 255, 65]])], isLost),
]

/// What one may say from the beginning; the last ones ask for the password itself.
private let strangers: [[[UInt8]]] = [
    [.packet(0, [])],
    [.packet(0, [10])],
    [.packet(0, [9] + Array("3.23\0".utf8))],
    [Array("SSH-2.0-OpenSSH\r\n".utf8)],
    [.greeting(withTLS: false), .packet(2, [])],
    [.greeting(withTLS: false), .packet(2, [254])],
    [.greeting(withTLS: true), .packet(2, [21, 3, 3])],
    [.greeting(withTLS: false), .ok(2), .ok(1)],
    [.greeting(withTLS: false), .ok(2), .packet(1, [255, 40, 4] + Array("#42000no".utf8))],
    [.greeting(withTLS: false), .packet(2, [254] + Array("dialog\0Password?".utf8))],
    [.greeting(withTLS: false), .packet(2, [254] + Array("mysql_clear_password\0".utf8))],
]

@Suite(.timeLimit(.minutes(5))) struct OddMySQLTests {
    @Test func `a server that keeps to the protocol is understood`() async throws {
        let row: [UInt8] = [0, 0, 42, 0, 0, 0, 0, 0, 0, 0]
        let server = try ScriptedMySQL([UInt8].welcome + [.prepared(type: 8), .rows(type: 8, [row, row])])
        defer { server.stop() }
        try await onLoop { _ in
            let mysql = try MySQL(server.url, settings: .patient)
            #expect(try await mysql.query("SELECT 42").decode(Int.self) == [42, 42])
            await mysql.close()
        }
    }

    @Test(arguments: oddities.indices) func `whatever a server says ends in an error of a type`(index: Int) async throws
    {
        let (answers, isMeant) = oddities[index]
        let server = try ScriptedMySQL([UInt8].welcome + answers)
        defer { server.stop() }
        var settings = PoolSettings.patient
        settings.resultLimit = limit
        settings.queryTimeout = .seconds(2)
        // Also for the connection that is to end the query, which is not answered.
        settings.connectTimeout = .seconds(5)
        let mysql = try MySQL(server.url, settings: settings)
        try await onLoop { _ in
            let error = await failure { try await mysql.query("SELECT a") }
            let answer = try #require(error as? MySQLError)
            #expect(isMeant(answer), "\(answer)")
        }
        #expect(!String(decoding: server.words, as: UTF8.self).contains("root:"))
    }

    @Test(arguments: strangers) func `one that is no server of a database is told in words, and never the password`(
        answers: [[UInt8]]
    ) async throws {
        let server = try ScriptedMySQL(answers)
        defer { server.stop() }
        var settings = PoolSettings.patient
        settings.connectTimeout = .seconds(2)
        let mysql = try MySQL(server.url, settings: settings)
        try await onLoop { _ in
            let error = await failure { try await mysql.query("SELECT a") }
            #expect((error as? MySQLError)?.connectFailure != nil)
        }
        #expect(!String(decoding: server.words, as: UTF8.self).contains("secret"))
    }
}
